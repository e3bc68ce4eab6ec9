import { Controller, Headers, Inject, NotAcceptableException, Param, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { VersionsReader } from '@millrace/persistence';
import { MillraceError } from '@millrace/vocabulary';
import { Lookups } from '../lookups.js';
import { Operation } from '../openapi/operation.js';
import type { AnswerTo } from '../openapi/operations.js';
import { PAGE_LIMIT_MAX } from '../tokens.js';
import { pageFields, pageOf, query } from '../validation/fields.js';
import { integerPath } from '../validation/integer-path.js';
import { ValidQuery } from '../validation/schema-pipe.js';
import { toVersionResponse } from './to-version-response.js';

const versionsQuery = z.object({ ...pageFields('id'), version_number: query.integer, bundle_name: query.text, bundle_version: query.text });
const sourceQuery = z.object({ version_number: query.integer });

@Controller()
export class DagVersionsController {
  constructor(
    @Inject(VersionsReader) private readonly versions: VersionsReader,
    @Inject(Lookups) private readonly lookups: Lookups,
    @Inject(PAGE_LIMIT_MAX) private readonly pageLimitMax: number,
  ) {}

  @Operation('get_dag_versions')
  async getVersions(@Param('dag_id') dagId: string, @ValidQuery(versionsQuery) values: z.infer<typeof versionsQuery>): Promise<AnswerTo<'get_dag_versions'>> {
    if (dagId !== '~') await this.lookups.dag(dagId);
    const page = await this.versions.list({ dagId: dagId === '~' ? undefined : dagId, versionNumber: values.version_number, bundleName: values.bundle_name, bundleVersion: values.bundle_version }, pageOf(values, this.pageLimitMax));
    return { dag_versions: page.rows.map(toVersionResponse), total_entries: page.total };
  }

  @Operation('get_dag_version')
  async getVersion(@Param('dag_id') dagId: string, @Param('version_number', integerPath) versionNumber: number): Promise<AnswerTo<'get_dag_version'>> {
    const version = await this.versions.find(dagId, versionNumber);
    if (version === null) throw new MillraceError('not_found', `The DagVersion with dag_id: \`${dagId}\` and version_number: \`${versionNumber}\` was not found`);
    return toVersionResponse(version);
  }

  @Operation('get_dag_source')
  async getSource(@Param('dag_id') dagId: string, @ValidQuery(sourceQuery) values: z.infer<typeof sourceQuery>, @Res() reply: FastifyReply, @Headers('accept') accept = '*/*'): Promise<void> {
    const dag = await this.lookups.dag(dagId);
    const found = await this.versions.source(dagId, values.version_number ?? null);
    if (found === null) throw new MillraceError('not_found', `The source code of the DAG ${dagId}, version_number ${values.version_number ?? 'latest'} was not found`);
    if (!/text\/(plain|\*)|application\/(json|\*)|\*\/\*/.test(accept)) throw new NotAcceptableException('Only application/json or text/plain is supported');
    if (accept.includes('text/plain')) await reply.type('text/plain; charset=utf-8').send(found.source);
    else await reply.send({ content: found.source, dag_id: dagId, version_number: found.version_number, dag_display_name: dag.dag_display_name } satisfies AnswerTo<'get_dag_source'>);
  }
}
