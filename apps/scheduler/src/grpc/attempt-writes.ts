import { createHash, randomBytes } from 'node:crypto';
import { executionProto } from '@millrace/contracts';
import { ExternalTasks, EXTERNAL_END_STATES, Questions, StateStore, externalKey, fenced, taskStateOwner } from '@millrace/persistence';
import type { Database, ExternalEndState, ExternalTask, Fence, FencedInstance, StateScope, Transaction } from '@millrace/persistence';
import { STATE_KEYS_MAX, STATE_VALUE_MAX_BYTES, uuidV7From } from '@millrace/vocabulary';

type Reply = Partial<executionProto.QueryReply>;

const KEY_MAX_CHARACTERS = 512;
const EXTERNAL_ID_MAX_CHARACTERS = 1_000;
const CANCEL_MAX_BYTES = 16_384;
const LIST_MAX = 1_000;

/**
 * What a running attempt writes before it ends: stores that outlive it, work on other platforms, the defaults of a question nobody
 * answered. Each in one transaction with the check that the attempt is still the current one.
 */
export class AttemptWrites {
  constructor(
    private readonly database: Database,
    private readonly options: { readonly callbackBaseUrl: string; readonly resultMaxBytes: number },
  ) {}

  answer(fence: Fence, query: executionProto.AnswerQuery): Promise<Reply> {
    return this.#inFence(fence, async (tx, instance) => {
      const answer = await new Questions(tx).answer(fence.instanceId, instance.tryNumber, query.takeDefaults);
      if (answer === undefined) return { found: false };
      const { chosenOptions, paramsInput, respondedById, respondedByName, respondedAt } = answer;
      const respondedBy = respondedById === null ? null : { id: respondedById, name: respondedByName };
      return { found: true, json: JSON.stringify({ chosenOptions, paramsInput: paramsInput ?? {}, respondedBy, respondedAt }) };
    });
  }

  state(fence: Fence, operation: executionProto.StateOperation): Promise<Reply> {
    const refused = checkState(operation);
    if (refused !== undefined) return Promise.resolve({ error: refused });
    return this.#inFence(fence, async (tx, instance) => {
      const store = new StateStore(tx);
      const scope: StateScope = operation.asset === '' ? 'task' : 'asset';
      const owner = operation.asset === '' ? taskStateOwner(instance.dagId, instance.taskId, instance.indexPath) : operation.asset;
      const expected = operation.hasExpectedVersion ? operation.expectedVersion : null;
      const { Kind } = STATE;
      switch (operation.kind) {
        case Kind.KIND_GET: {
          const found = await store.get(scope, owner, operation.key);
          return found === undefined ? { found: false } : { found: true, json: found.json, version: found.version };
        }
        case Kind.KIND_LIST: {
          const rows = await store.list(scope, owner, LIST_MAX, 0);
          return { found: true, json: JSON.stringify(rows.map((row) => row.key)) };
        }
        case Kind.KIND_SET: {
          const written = await store.set(scope, owner, operation.key, operation.json, expected, operation.operationId === '' ? null : `${fence.attemptId}/${operation.operationId}`);
          if (written.kind === 'full') return { error: `a store holds ${STATE_KEYS_MAX} values at most; delete some` };
          return written.kind === 'written' ? { found: true, version: written.version } : { found: written.version > 0, conflict: true, version: written.version, json: written.json };
        }
        case Kind.KIND_DELETE: {
          const written = await store.delete(scope, owner, operation.key, expected);
          return written.kind === 'conflict' ? { found: true, conflict: true, version: written.version, json: written.json } : { found: true, version: 0 };
        }
        default:
          return { error: 'the operation on the store is unknown' };
      }
    });
  }

  external(fence: Fence, operation: executionProto.ExternalOperation): Promise<Reply> {
    const refused = this.#checkExternal(operation);
    if (refused !== undefined) return Promise.resolve({ error: refused });
    return this.#inFence(fence, async (tx) => {
      const works = new ExternalTasks(tx);
      const { Kind } = EXTERNAL;
      if (operation.kind === Kind.KIND_BEGIN) {
        const { task, isNew } = await works.begin(fence.instanceId, uuidV7From(Date.now(), randomBytes(10)));
        if (operation.cancelJson !== '') await works.setCancel(task.id, operation.cancelJson);
        // What is over is not asked of the platform again, so there is nothing to call back for.
        if (task.endedAtMs !== null) return this.#told(task, { isNew });
        const token = randomBytes(32).toString('base64url');
        await works.addToken(task.id, createHash('sha256').update(token).digest());
        return this.#told(task, { isNew, callbackUrl: `${this.options.callbackBaseUrl}/api/millrace/v1/task-callbacks/${token}` });
      }
      const task = await works.current(fence.instanceId);
      if (task === undefined) return operation.kind === Kind.KIND_GET ? { found: false } : { error: 'this instance has begun no work on another platform' };
      switch (operation.kind) {
        case Kind.KIND_GET:
          return this.#told(task, {});
        case Kind.KIND_SUBMITTED:
          return this.#told(await works.submitted(task.id, operation.externalId === '' ? null : operation.externalId, operation.cancelJson === '' ? null : operation.cancelJson), {});
        case Kind.KIND_REPORT: {
          const { state, resultJson, progressJson, reason } = operation;
          const reported = await works.report(task, {
            source: 'task', state: state as 'running' | ExternalEndState, resultJson: resultJson === '' ? null : resultJson, progressJson: progressJson === '' ? null : progressJson,
            reason: reason === '' ? null : clean(reason),
          });
          return this.#told(reported.task, { counted: reported.counted });
        }
        default:
          return { error: 'the operation on external work is unknown' };
      }
    });
  }

  #told(task: ExternalTask, more: object): Reply {
    const { id, state, externalId, result, progress, reason, createdAtMs } = task;
    return { found: true, json: JSON.stringify({ id, state, externalId, result, progress, reason, createdAtMs, correlationKey: externalKey(id), ...more }) };
  }

  #checkExternal(operation: executionProto.ExternalOperation): string | undefined {
    if (operation.externalId.length > EXTERNAL_ID_MAX_CHARACTERS || operation.externalId.includes('\0')) return `the id of external work may have ${EXTERNAL_ID_MAX_CHARACTERS} characters, without NUL`;
    if (Buffer.byteLength(operation.cancelJson) > CANCEL_MAX_BYTES) return `how to cancel may have ${CANCEL_MAX_BYTES} bytes`;
    if (operation.kind === EXTERNAL.Kind.KIND_REPORT && operation.state !== 'running' && !EXTERNAL_END_STATES.includes(operation.state as ExternalEndState)) return `external work is running, ${EXTERNAL_END_STATES.join(', ')}; not "${operation.state.slice(0, 40)}"`;
    for (const json of [operation.cancelJson, operation.resultJson, operation.progressJson]) {
      if (Buffer.byteLength(json) > this.options.resultMaxBytes) return `a report may have ${this.options.resultMaxBytes} bytes (core.xcom_max_bytes)`;
      if (json !== '' && !isStorable(json)) return 'a report must be JSON that PostgreSQL can store';
    }
    return undefined;
  }

  #inFence(fence: Fence, work: (tx: Transaction, instance: FencedInstance) => Promise<Reply>): Promise<Reply> {
    return this.database.inTransaction(async (tx) => {
      const instance = await fenced(tx, fence);
      return instance === undefined ? { error: 'this attempt is no longer the current one of its task' } : work(tx, instance);
    });
  }
}

const STATE = { Kind: executionProto.StateOperation_Kind };
const EXTERNAL = { Kind: executionProto.ExternalOperation_Kind };

function checkState(operation: executionProto.StateOperation): string | undefined {
  if (operation.kind !== STATE.Kind.KIND_LIST && (operation.key === '' || operation.key.length > KEY_MAX_CHARACTERS || operation.key.includes('\0'))) return `a key of a store must have 1 to ${KEY_MAX_CHARACTERS} characters`;
  if (operation.asset.length > 1_500 || operation.asset.includes('\0')) return 'the name of an asset is too long';
  if (operation.kind !== STATE.Kind.KIND_SET) return undefined;
  const bytes = Buffer.byteLength(operation.json);
  if (bytes > STATE_VALUE_MAX_BYTES) return `a value of a store may have ${STATE_VALUE_MAX_BYTES} bytes of JSON, "${operation.key.slice(0, 100)}" has ${bytes}; keep data elsewhere and its place here`;
  return isStorable(operation.json) ? undefined : `the value of "${operation.key.slice(0, 100)}" is not JSON that PostgreSQL can store (a NUL character?)`;
}

function isStorable(json: string): boolean {
  try {
    JSON.parse(json);
    return !/(?<!\\)(?:\\\\)*\\u0000/.test(json);
  } catch {
    return false;
  }
}

function clean(text: string): string {
  return text.slice(0, 2_000).replaceAll('\0', '\uFFFD');
}
