import { Controller, Headers, HttpException, Inject, Param, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Actor } from '@millrace/access';
import { dagFileJsonSchema, readDagFile } from '@millrace/contracts';
import type { StoredRevision } from '@millrace/persistence';
import { DagSourceDesk } from '@millrace/scheduling';
import type { SourceState } from '@millrace/scheduling';
import { MillraceError } from '@millrace/vocabulary';
import type { Answer } from '../openapi/answer-schemas.js';
import { Answers, AuditedByCommand, Route } from '../openapi/operation.js';
import { visibleDags } from '../security/request-scope.js';
import { CurrentActor } from '../security/token.guard.js';
import { PAGE_LIMIT_MAX } from '../tokens.js';
import { pageFields, pageOf } from '../validation/fields.js';
import { RequestError } from '../validation/request-error.js';
import { ValidQuery } from '../validation/schema-pipe.js';
import { onlyForAll } from './only-for-all.js';
import { YAML_TYPES } from './source-bodies.js';
import { toDocumentResponse, toProblem } from './to-source-response.js';
import { dagDocument, dagDocumentCollection, dagDocumentWithContent, dagFileSchema, documentCheck } from './source-schemas.js';

const DOCUMENTS = '/api/millrace/v1/dag-documents';
const listQuery = z.object(pageFields(''));
/** How long the answer may wait for the check, seconds. */
const waitQuery = z.object({ wait: z.coerce.number().min(0).max(60).default(10) });

/** Dags that other systems compose and send: written, checked by a dag-processor, published. */
@Controller()
export class DagDocumentsController {
  constructor(
    @Inject(DagSourceDesk) private readonly desk: DagSourceDesk,
    @Inject(PAGE_LIMIT_MAX) private readonly pageLimitMax: number,
  ) {}

  /** The JSON Schema of dag files; the same for documents and for files in folders. */
  @Route('GET', '/api/millrace/v1/schemas/dag-file.json', 'public')
  @Answers(dagFileSchema)
  getSchema(): Answer<typeof dagFileSchema> {
    return dagFileJsonSchema();
  }

  @Route('POST', DOCUMENTS, { action: 'create', resource: 'dag_source' }, 201)
  @AuditedByCommand()
  @Answers(dagDocument, { alsoWith: [200, 202] })
  async create(@Req() request: FastifyRequest, @ValidQuery(waitQuery) { wait }: z.infer<typeof waitQuery>, @CurrentActor() actor: Actor, @Res({ passthrough: true }) reply: FastifyReply): Promise<Answer<typeof dagDocument>> {
    onlyForAll('make new dags');
    const { text, dagId } = documentOf(request);
    return this.#answer(await this.desk.createDocument(dagId, text, actor.name), text, wait, reply);
  }

  /** Only checks: nothing is kept. */
  @Route('POST', `${DOCUMENTS}/validate`, { action: 'create', resource: 'dag_source' })
  @AuditedByCommand()
  @Answers(documentCheck)
  async validate(@Req() request: FastifyRequest, @ValidQuery(waitQuery) { wait }: z.infer<typeof waitQuery>, @CurrentActor() actor: Actor): Promise<Answer<typeof documentCheck>> {
    onlyForAll('check documents');
    const text = textOf(request);
    const reading = readDagFile(text);
    if (!reading.ok) return { valid: false, problems: reading.problems.map((problem) => toProblem({ ...problem, file: '' })) };
    const checked = await this.desk.validateDocument(reading.file.dag, text, actor.name, wait * 1_000);
    if (checked === null) throw new MillraceError('unavailable', `no dag-processor has checked the document within ${wait} s; is one running? The document fits the schema`);
    return { valid: checked.state !== 'refused', problems: checked.problems.map(toProblem) };
  }

  @Route('GET', DOCUMENTS, { action: 'read', resource: 'dag_source' })
  @Answers(dagDocumentCollection)
  async list(@ValidQuery(listQuery) values: z.infer<typeof listQuery>): Promise<Answer<typeof dagDocumentCollection>> {
    const { limit, offset } = pageOf(values, this.pageLimitMax);
    const page = await this.desk.list('document', limit, offset, visibleDags());
    const documents = await Promise.all(page.rows.map(async (source) => this.#existing(source.name)));
    // One that is gone was deleted between the two reads.
    return { dag_documents: documents.filter((one) => one !== null).map(({ source, revision }) => toDocumentResponse(source, revision)), total_entries: page.total };
  }

  @Route('GET', `${DOCUMENTS}/:dag_id`, { action: 'read', resource: 'dag_source' })
  @Answers(dagDocumentWithContent, { alsoAs: ['application/yaml'] })
  async get(@Param('dag_id') dagId: string, @Res({ passthrough: true }) reply: FastifyReply, @Headers('accept') accept?: string): Promise<Answer<typeof dagDocumentWithContent> | string> {
    const { source, revision } = await this.desk.document(dagId);
    const text = await this.desk.textOf(revision);
    void reply.header('etag', `"${revision.revision}"`);
    if (YAML_TYPES.some((type) => accept?.includes(type) === true)) {
      void reply.type('application/yaml; charset=utf-8');
      return text;
    }
    return { ...toDocumentResponse(source, revision), content: text };
  }

  /** Replaces what was read (`If-Match: "<revision>"`), or anything (`If-Match: *`); makes the document when there is none. */
  @Route('PUT', `${DOCUMENTS}/:dag_id`, { action: 'edit', resource: 'dag_source' })
  @AuditedByCommand()
  @Answers(dagDocument, { alsoWith: [201, 202] })
  async replace(
    @Param('dag_id') dagId: string,
    @Req() request: FastifyRequest,
    @ValidQuery(waitQuery) { wait }: z.infer<typeof waitQuery>,
    @CurrentActor() actor: Actor,
    @Res({ passthrough: true }) reply: FastifyReply,
    @Headers('if-match') ifMatch?: string,
  ): Promise<Answer<typeof dagDocument>> {
    const { text, dagId: written } = documentOf(request);
    if (written !== dagId) throw RequestError.single(['body', 'dag'], `The document is of dag "${written}", the address is of "${dagId}"`, written);
    const match = matchOf(ifMatch);
    if (match === undefined) {
      const existing = await this.#existing(dagId);
      const isSame = existing !== null && (await this.desk.textOf(existing.revision)) === text;
      if (existing !== null && !isSame && existing.revision.state !== 'refused') throw new HttpException(`If-Match is missing: say which revision you replace, "${existing.revision.revision}" is current; * replaces any`, 428);
    }
    return this.#answer(await this.desk.replaceDocument(dagId, text, match ?? null, actor.name), text, wait, reply, 200);
  }

  /** The dag is no longer made runs of; its history stays. */
  @Route('DELETE', `${DOCUMENTS}/:dag_id`, { action: 'delete', resource: 'dag_source' }, 204)
  @AuditedByCommand()
  async delete(@Param('dag_id') dagId: string, @CurrentActor() actor: Actor, @Headers('if-match') ifMatch?: string): Promise<void> {
    await this.desk.deleteDocument(dagId, matchOf(ifMatch) ?? null, actor.name);
  }

  /** null: there is no such document. That it could not be read is something else. */
  async #existing(dagId: string): Promise<SourceState | null> {
    try {
      return await this.desk.document(dagId);
    } catch (error) {
      if (error instanceof MillraceError && error.code === 'not_found') return null;
      throw error;
    }
  }

  /** 201 or 200 when it is active, 202 when nobody has checked it yet, 422 with its problems when it was refused. */
  async #answer(written: SourceState & { readonly isNew: boolean }, text: string, waitSeconds: number, reply: FastifyReply, status = 201): Promise<Answer<typeof dagDocument>> {
    const settled = (await this.desk.settled(written.source.id, written.revision.revision, waitSeconds * 1_000)) ?? written.revision;
    if (settled.state === 'refused') throw refusalOf(settled, text);
    const { source } = await this.desk.document(written.source.name);
    void reply.header('etag', `"${settled.revision}"`).status(settled.state === 'checking' ? 202 : written.isNew ? status : 200);
    return toDocumentResponse(source, settled);
  }
}

function refusalOf(revision: StoredRevision, text: string): RequestError {
  return new RequestError(revision.problems.map(({ message, line, column }) => ({ type: 'dag_document', loc: line > 0 ? ['body', `${line}:${column}`] : ['body'], msg: message, input: text.split('\n')[line - 1] ?? null })));
}

/** The text of the body: YAML as it came, JSON written with line breaks, so that places in it can be told. */
function textOf(request: FastifyRequest): string {
  const { body } = request;
  if (typeof body === 'string') return body;
  if (Buffer.isBuffer(body)) throw new HttpException('Send the document as application/json or application/yaml', 415);
  if (body === undefined || body === null) throw RequestError.single(['body'], 'Field required: the document, as application/json or application/yaml', null, 'missing');
  return `${JSON.stringify(body, null, 2)}\n`;
}

function documentOf(request: FastifyRequest): { readonly text: string; readonly dagId: string } {
  const text = textOf(request);
  const reading = readDagFile(text);
  if (reading.ok) return { text, dagId: reading.file.dag };
  const isJson = typeof request.body !== 'string';
  throw new RequestError(reading.problems.map(({ path, message, line, column }) => ({
    type: 'dag_document',
    loc: ['body', ...(path === '' ? [] : [path])],
    msg: isJson || line === 0 ? message : `${line}:${column}: ${message}`,
    input: null,
  })));
}

/** undefined: the header is missing; null: any revision. */
function matchOf(header: string | undefined): number | null | undefined {
  if (header === undefined) return undefined;
  if (header.trim() === '*') return null;
  const [, number] = /^(?:W\/)?"?(\d{1,9})"?$/.exec(header.trim()) ?? [];
  if (number === undefined) throw new MillraceError('bad_request', `If-Match must be the revision that was read, in quotes (the ETag of GET), or *; got ${header.slice(0, 100)}`);
  return Number(number);
}
