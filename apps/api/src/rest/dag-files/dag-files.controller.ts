import { Controller, Inject, Param } from '@nestjs/common';
import { z } from 'zod';
import { Database, ReparseRequests } from '@millrace/persistence';
import { MillraceError } from '@millrace/vocabulary';
import { Lookups } from '../lookups.js';
import { Operation } from '../openapi/operation.js';
import type { AnswerTo } from '../openapi/operations.js';
import { visibleDags } from '../security/request-scope.js';
import { integerPath } from '../validation/integer-path.js';
import { ValidQuery } from '../validation/schema-pipe.js';

const mapIndexQuery = z.object({ map_index: z.coerce.number().int().default(-1) });
const fileToken = z.object({ bundle_name: z.string(), relative_fileloc: z.string() });

/** Dag files read again, and logs that are nowhere else. */
@Controller()
export class DagFilesController {
  private readonly requests: ReparseRequests;

  constructor(
    @Inject(Database) database: Database,
    @Inject(Lookups) private readonly lookups: Lookups,
  ) {
    this.requests = new ReparseRequests(database);
  }

  /** A dag-processor hears of it with its next heartbeat. */
  @Operation('reparse_dag_file')
  async reparse(@Param('file_token') token: string): Promise<AnswerTo<'reparse_dag_file'>> {
    const file = fileToken.safeParse(decoded(token));
    const isKnown = file.success && (await this.requests.ask({ bundleName: file.data.bundle_name, relativeFileloc: file.data.relative_fileloc }, visibleDags()));
    if (!isKnown) throw new MillraceError('not_found', 'File not found');
    return null;
  }

  /** Logs are read through this api; an Airflow whose logs are nowhere else answers the same. */
  @Operation('get_external_log_url')
  async getExternalLogUrl(
    @Param('dag_id') dagId: string,
    @Param('dag_run_id') runId: string,
    @Param('task_id') taskId: string,
    @Param('try_number', integerPath) _tryNumber: number,
    @ValidQuery(mapIndexQuery) values: z.infer<typeof mapIndexQuery>,
  ): Promise<never> {
    await this.lookups.instance(dagId, runId, taskId, values.map_index);
    throw new MillraceError('bad_request', 'Task log handler does not support external logs.');
  }
}

function decoded(token: string): unknown {
  try {
    return JSON.parse(Buffer.from(token, 'base64url').toString('utf8'));
  } catch {
    return null;
  }
}
