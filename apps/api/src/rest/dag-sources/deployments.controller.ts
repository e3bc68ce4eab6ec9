import { Controller, HttpException, Inject, Param, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Actor } from '@millrace/access';
import { DagSourceDesk } from '@millrace/scheduling';
import { MillraceError } from '@millrace/vocabulary';
import type { Answer } from '../openapi/answer-schemas.js';
import { Answers, AuditedByCommand, Route } from '../openapi/operation.js';
import { CurrentActor } from '../security/token.guard.js';
import { PAGE_LIMIT_MAX } from '../tokens.js';
import { pageFields, pageOf } from '../validation/fields.js';
import { integerPath } from '../validation/integer-path.js';
import { ValidBody, ValidQuery } from '../validation/schema-pipe.js';
import { onlyForAll } from './only-for-all.js';
import { toDeploymentResponse } from './to-source-response.js';
import { begunDeployment, bundleCollection, deployment, deploymentCollection } from './source-schemas.js';

const BUNDLES = '/api/millrace/v1/bundles';
const HASH = /^[0-9a-f]{64}$/;
const listQuery = z.object(pageFields(''));
const waitQuery = z.object({ wait: z.coerce.number().min(0).max(60).default(0) });
const beginBody = z.strictObject({
  files: z.array(z.strictObject({ path: z.string().min(1), sha256: z.string().regex(HASH, 'expected a sha-256 in hex'), size: z.number().int().min(0) })).max(5_000),
  /** Becomes active as soon as it has been checked; otherwise when somebody says so. */
  activate: z.boolean().default(true),
  note: z.string().max(1_000).nullish(),
});

/** Whole dags folders, uploaded by CI: announced, uploaded file by file, checked, and then active all at once. */
@Controller()
export class DeploymentsController {
  constructor(
    @Inject(DagSourceDesk) private readonly desk: DagSourceDesk,
    @Inject(PAGE_LIMIT_MAX) private readonly pageLimitMax: number,
  ) {}

  @Route('GET', BUNDLES, { action: 'read', resource: 'dag_source' })
  @Answers(bundleCollection)
  async listBundles(@ValidQuery(listQuery) values: z.infer<typeof listQuery>): Promise<Answer<typeof bundleCollection>> {
    onlyForAll('deploy');
    const { limit, offset } = pageOf(values, this.pageLimitMax);
    const page = await this.desk.list('bundle', limit, offset);
    return { bundles: page.rows.map((source) => ({ bundle: source.name, active_revision: source.activeRevision, last_revision: source.lastRevision })), total_entries: page.total };
  }

  @Route('POST', `${BUNDLES}/:bundle/deployments`, { action: 'create', resource: 'dag_source' }, 201)
  @AuditedByCommand()
  @Answers(begunDeployment)
  async begin(@Param('bundle') bundle: string, @ValidBody(beginBody) body: z.infer<typeof beginBody>, @CurrentActor() actor: Actor): Promise<Answer<typeof begunDeployment>> {
    onlyForAll('deploy');
    const files = body.files.map(({ path, sha256, size }) => ({ path, hash: sha256, size }));
    const { source, revision, missing } = await this.desk.beginDeployment(bundle, files, { activates: body.activate, note: body.note ?? null, actor: actor.name });
    return { ...toDeploymentResponse(source, revision), missing };
  }

  /** The content of one file, by its hash. The same again changes nothing. */
  @Route('PUT', `${BUNDLES}/:bundle/files/:sha256`, { action: 'create', resource: 'dag_source' }, 204)
  @AuditedByCommand()
  async putFile(@Param('sha256') sha256: string, @Req() request: FastifyRequest): Promise<void> {
    onlyForAll('deploy');
    if (!HASH.test(sha256)) throw new MillraceError('not_found', 'A file is named by its sha-256 in hex');
    const { body } = request;
    const content = body === undefined ? Buffer.alloc(0) : body;
    if (!Buffer.isBuffer(content)) throw new HttpException('Send the file as application/octet-stream', 415);
    const hash = await this.desk.storeFile(content);
    if (hash !== sha256) throw new MillraceError('invalid', `the file that came has sha-256 ${hash}, the address says ${sha256}`);
  }

  /** All files are here: a dag-processor checks them. */
  @Route('POST', `${BUNDLES}/:bundle/deployments/:revision/check`, { action: 'create', resource: 'dag_source' }, 202)
  @AuditedByCommand()
  @Answers(deployment)
  async check(@Param('bundle') bundle: string, @Param('revision', integerPath) number: number): Promise<Answer<typeof deployment>> {
    onlyForAll('deploy');
    const { source, revision } = await this.desk.checkDeployment(bundle, number);
    return toDeploymentResponse(source, revision);
  }

  /** Makes a checked revision the active one: a new one, or an earlier one to go back to. */
  @Route('POST', `${BUNDLES}/:bundle/deployments/:revision/activate`, { action: 'edit', resource: 'dag_source' })
  @AuditedByCommand()
  @Answers(deployment)
  async activate(@Param('bundle') bundle: string, @Param('revision', integerPath) number: number, @CurrentActor() actor: Actor): Promise<Answer<typeof deployment>> {
    onlyForAll('deploy');
    const { source, revision } = await this.desk.activateDeployment(bundle, number, actor.name);
    return toDeploymentResponse(source, revision);
  }

  /** The revision that was active before. */
  @Route('POST', `${BUNDLES}/:bundle/rollback`, { action: 'edit', resource: 'dag_source' })
  @AuditedByCommand()
  @Answers(deployment)
  async rollBack(@Param('bundle') bundle: string, @CurrentActor() actor: Actor): Promise<Answer<typeof deployment>> {
    onlyForAll('deploy');
    const { source, revision } = await this.desk.activateDeployment(bundle, await this.desk.revisionBefore(bundle), actor.name);
    return toDeploymentResponse(source, revision);
  }

  @Route('GET', `${BUNDLES}/:bundle/deployments`, { action: 'read', resource: 'dag_source' })
  @Answers(deploymentCollection)
  async list(@Param('bundle') bundle: string, @ValidQuery(listQuery) values: z.infer<typeof listQuery>): Promise<Answer<typeof deploymentCollection>> {
    onlyForAll('deploy');
    const source = await this.desk.bundle(bundle);
    const { limit, offset } = pageOf(values, this.pageLimitMax);
    const page = await this.desk.revisions(source.id, limit, offset);
    return { deployments: page.rows.map((revision) => toDeploymentResponse(source, revision)), total_entries: page.total };
  }

  @Route('GET', `${BUNDLES}/:bundle/deployments/:revision`, { action: 'read', resource: 'dag_source' })
  @Answers(deployment)
  async get(@Param('bundle') bundle: string, @Param('revision', integerPath) number: number, @ValidQuery(waitQuery) { wait }: z.infer<typeof waitQuery>, @Res({ passthrough: true }) reply: FastifyReply): Promise<Answer<typeof deployment>> {
    onlyForAll('deploy');
    const before = await this.desk.deployment(bundle, number);
    if (wait > 0) await this.desk.settled(before.source.id, number, wait * 1_000);
    const { source, revision } = await this.desk.deployment(bundle, number);
    if (revision.state === 'checking') void reply.header('retry-after', '1');
    return toDeploymentResponse(source, revision);
  }

  /** The bundle and its dags go; runs and history stay. */
  @Route('DELETE', `${BUNDLES}/:bundle`, { action: 'delete', resource: 'dag_source' }, 204)
  @AuditedByCommand()
  async delete(@Param('bundle') bundle: string, @CurrentActor() actor: Actor): Promise<void> {
    onlyForAll('deploy');
    await this.desk.deleteBundle(bundle, actor.name);
  }
}
