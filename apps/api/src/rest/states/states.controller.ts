import { Controller, Inject, Param } from '@nestjs/common';
import { z } from 'zod';
import { AssetsReader, Database, StateStore, taskStateOwner } from '@millrace/persistence';
import type { StateScope, StoredState } from '@millrace/persistence';
import { MillraceError, STATE_KEYS_MAX, STATE_VALUE_MAX_BYTES } from '@millrace/vocabulary';
import { instantText } from '../answers.js';
import { Lookups } from '../lookups.js';
import type { Answer } from '../openapi/answer-schemas.js';
import { Answers, Route } from '../openapi/operation.js';
import { visibleDags } from '../security/request-scope.js';
import { PAGE_LIMIT_MAX } from '../tokens.js';
import { pageFields, pageOf, query } from '../validation/fields.js';
import { ValidBody, ValidQuery } from '../validation/schema-pipe.js';
import { storedState, storedStateCollection } from './state-schemas.js';
import type { StoredStateAnswer, StoredStatesAnswer } from './state-schemas.js';

const KEY_MAX_CHARACTERS = 512;
const ownerFields = { index_path: query.integers };
const listQuery = z.object({ ...pageFields(''), ...ownerFields });
const oneQuery = z.object({ ...ownerFields, version: query.integer });
const writeBody = z.strictObject({
  value: z.unknown(),
  /** Only over this version; 0: only when there is none. */
  version: z.number().int().min(0).optional(),
});

const TASK_STATES = '/api/millrace/v1/dags/:dag_id/tasks/:task_id/states';
const ASSET_STATES = '/api/millrace/v1/assets/:asset_name/states';
type ListQuery = z.infer<typeof listQuery>;
type OneQuery = z.infer<typeof oneQuery>;
type WriteBody = z.infer<typeof writeBody>;

interface Owner {
  readonly scope: StateScope;
  readonly key: string;
}

/** What tasks keep beyond their tries and runs, of themselves and of assets: to look at, to mend, to delete. */
@Controller()
export class StatesController {
  readonly #store: StateStore;

  constructor(
    @Inject(Database) database: Database,
    @Inject(Lookups) private readonly lookups: Lookups,
    @Inject(AssetsReader) private readonly assets: AssetsReader,
    @Inject(PAGE_LIMIT_MAX) private readonly pageLimitMax: number,
  ) {
    this.#store = new StateStore(database);
  }

  @Route('GET', TASK_STATES, { action: 'read', resource: 'xcom' })
  @Answers(storedStateCollection)
  async listOfTask(@Param('dag_id') dagId: string, @Param('task_id') taskId: string, @ValidQuery(listQuery) values: ListQuery): Promise<Answer<typeof storedStateCollection>> {
    return this.#list(await this.#task(dagId, taskId, values.index_path), values);
  }
  @Route('GET', `${TASK_STATES}/:key`, { action: 'read', resource: 'xcom' })
  @Answers(storedState)
  async getOfTask(@Param('dag_id') dagId: string, @Param('task_id') taskId: string, @Param('key') key: string, @ValidQuery(oneQuery) values: OneQuery): Promise<Answer<typeof storedState>> {
    return this.#get(await this.#task(dagId, taskId, values.index_path), key);
  }
  @Route('PUT', `${TASK_STATES}/:key`, { action: 'edit', resource: 'xcom' })
  @Answers(storedState)
  async setOfTask(@Param('dag_id') dagId: string, @Param('task_id') taskId: string, @Param('key') key: string, @ValidQuery(oneQuery) values: OneQuery, @ValidBody(writeBody) body: WriteBody): Promise<Answer<typeof storedState>> {
    return this.#set(await this.#task(dagId, taskId, values.index_path), key, body);
  }
  @Route('DELETE', `${TASK_STATES}/:key`, { action: 'delete', resource: 'xcom' }, 204)
  async deleteOfTask(@Param('dag_id') dagId: string, @Param('task_id') taskId: string, @Param('key') key: string, @ValidQuery(oneQuery) values: OneQuery): Promise<void> {
    await this.#delete(await this.#task(dagId, taskId, values.index_path), key, values.version);
  }

  @Route('GET', ASSET_STATES, { action: 'read', resource: 'asset' })
  @Answers(storedStateCollection)
  async listOfAsset(@Param('asset_name') name: string, @ValidQuery(listQuery) values: ListQuery): Promise<Answer<typeof storedStateCollection>> {
    return this.#list(await this.#asset(name), values);
  }
  @Route('GET', `${ASSET_STATES}/:key`, { action: 'read', resource: 'asset' })
  @Answers(storedState)
  async getOfAsset(@Param('asset_name') name: string, @Param('key') key: string): Promise<Answer<typeof storedState>> {
    return this.#get(await this.#asset(name), key);
  }
  @Route('PUT', `${ASSET_STATES}/:key`, { action: 'edit', resource: 'asset' })
  @Answers(storedState)
  async setOfAsset(@Param('asset_name') name: string, @Param('key') key: string, @ValidBody(writeBody) body: WriteBody): Promise<Answer<typeof storedState>> {
    return this.#set(await this.#asset(name), key, body);
  }
  @Route('DELETE', `${ASSET_STATES}/:key`, { action: 'delete', resource: 'asset' }, 204)
  async deleteOfAsset(@Param('asset_name') name: string, @Param('key') key: string, @ValidQuery(oneQuery) values: OneQuery): Promise<void> {
    return this.#delete(await this.#asset(name), key, values.version);
  }

  /** A task that the dag had once still has what it kept. */
  async #task(dagId: string, taskId: string, indexPath: readonly number[] | undefined): Promise<Owner> {
    await this.lookups.dag(dagId);
    return { scope: 'task', key: taskStateOwner(dagId, taskId, indexPath ?? []) };
  }

  /** An asset may have states before any dag names it; then those who see every dag see it. */
  async #asset(name: string): Promise<Owner> {
    if (visibleDags() !== null && !(await this.assets.isSeen(name))) throw new MillraceError('not_found', `There is no asset "${name}"`);
    return { scope: 'asset', key: name };
  }

  async #list(owner: Owner, values: ListQuery): Promise<StoredStatesAnswer> {
    const page = pageOf(values, this.pageLimitMax);
    const rows = await this.#store.list(owner.scope, owner.key, page.limit, page.offset);
    return { states: rows.map(toStateResponse), total_entries: await this.#store.count(owner.scope, owner.key) };
  }

  async #get(owner: Owner, key: string): Promise<StoredStateAnswer> {
    const found = await this.#store.get(owner.scope, owner.key, key);
    if (found === undefined) throw missing(owner, key);
    return toStateResponse(found);
  }

  async #set(owner: Owner, key: string, body: WriteBody): Promise<StoredStateAnswer> {
    if (key.length > KEY_MAX_CHARACTERS) throw new MillraceError('invalid', `a key of a store may have ${KEY_MAX_CHARACTERS} characters`);
    const json = JSON.stringify(body.value ?? null);
    const bytes = Buffer.byteLength(json);
    if (bytes > STATE_VALUE_MAX_BYTES) throw new MillraceError('too_large', `a value of a store may have ${STATE_VALUE_MAX_BYTES} bytes of JSON, this one has ${bytes}`);
    if (/(?<!\\)(?:\\\\)*\\u0000/.test(json)) throw new MillraceError('invalid', 'the value holds a NUL character, which PostgreSQL cannot store');
    const written = await this.#store.set(owner.scope, owner.key, key, json, body.version ?? null, null);
    if (written.kind === 'full') throw new MillraceError('conflict', `a store holds ${STATE_KEYS_MAX} values at most; delete some`);
    if (written.kind === 'conflict') throw changed(written.version, body.version);
    return this.#get(owner, key);
  }

  async #delete(owner: Owner, key: string, version: number | undefined): Promise<void> {
    const written = await this.#store.delete(owner.scope, owner.key, key, version ?? null);
    if (written.kind === 'conflict') throw changed(written.version, version);
    if (written.kind === 'written' && written.version === 0) throw missing(owner, key);
  }
}

function toStateResponse({ key, json, version, updatedAt }: StoredState): StoredStateAnswer {
  return { key, value: JSON.parse(json), version, updated_at: instantText(updatedAt) };
}

function missing(owner: Owner, key: string): MillraceError {
  return new MillraceError('not_found', `There is no state "${key}" of ${owner.scope} ${owner.key}`);
}

function changed(stored: number, expected: number | undefined): MillraceError {
  return new MillraceError('conflict', `The stored version is ${stored === 0 ? 'none' : stored}, not ${expected}: somebody changed it; read it again`);
}
