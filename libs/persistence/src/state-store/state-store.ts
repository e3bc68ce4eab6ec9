import type { IndexPath } from '@millrace/vocabulary';
import { STATE_KEYS_MAX } from '@millrace/vocabulary';
import type { Queryable, Statement } from '../database/database.js';

export type StateScope = 'task' | 'asset';

export interface StoredState {
  readonly key: string;
  /** JSON text. */
  readonly json: string;
  readonly version: number;
  readonly updatedAt: Date;
}

export type StateWritten =
  | { readonly kind: 'written'; readonly version: number }
  /** Another version is stored; 0: none. */
  | { readonly kind: 'conflict'; readonly version: number; readonly json: string }
  | { readonly kind: 'full' };

/** Whose values: a task's of a dag (over all runs), or an asset's. */
export function taskStateOwner(dagId: string, taskId: string, indexPath: IndexPath): string {
  return `${dagId}/${taskId}${indexPath.length === 0 ? '' : `[${indexPath.join(',')}]`}`;
}

const COLUMNS = `key, value::text as json, version, updated_at as "updatedAt"`;
const GET: Statement = { name: 'state-get', text: `select ${COLUMNS} from state_store where scope = $1 and owner_key = $2 and key = $3` };
const LIST: Statement = { name: 'state-list', text: `select ${COLUMNS} from state_store where scope = $1 and owner_key = $2 order by key limit $3 offset $4` };
const COUNT: Statement = { name: 'state-count', text: `select count(*)::int as count from state_store where scope = $1 and owner_key = $2` };

/** state-set: $4 value, $5 expected version or null, $6 operation. A new row, or a newer version of the expected one; the same operation again is the same. */
const SET: Statement = {
  name: 'state-set',
  text: `
insert into state_store as s (scope, owner_key, key, value, version, written_by)
select $1, $2, $3, $4::jsonb, 1, $6 where $5::int8 is null or $5 = 0 or exists (select 1 from state_store e where e.scope = $1 and e.owner_key = $2 and e.key = $3)
on conflict (scope, owner_key, key) do update set value = excluded.value, version = s.version + 1, updated_at = now(), written_by = excluded.written_by
where ($5::int8 is null or s.version = $5) and (s.written_by is distinct from $6 or $6 is null)
returning version`,
};

/** state-delete: $4 expected version or null. */
const DELETE: Statement = {
  name: 'state-delete',
  text: `delete from state_store where scope = $1 and owner_key = $2 and key = $3 and ($4::int8 is null or version = $4) returning version`,
};

const WRITTEN_BY: Statement = { name: 'state-written-by', text: `select version, written_by as "writtenBy", value::text as json from state_store where scope = $1 and owner_key = $2 and key = $3` };

/** Values that outlive tries and runs. Each write is one statement; give it a transaction to fence it. */
export class StateStore {
  constructor(private readonly on: Queryable) {}

  async get(scope: StateScope, owner: string, key: string): Promise<StoredState | undefined> {
    return (await this.on.query<StoredState & Record<string, unknown>>(GET, [scope, owner, key]))[0];
  }

  list(scope: StateScope, owner: string, limit: number, offset: number): Promise<StoredState[]> {
    return this.on.query<StoredState & Record<string, unknown>>(LIST, [scope, owner, limit, offset]);
  }

  async count(scope: StateScope, owner: string): Promise<number> {
    return (await this.on.query<{ count: number }>(COUNT, [scope, owner]))[0]?.count ?? 0;
  }

  /**
   * @param expected the version it must have; 0: none may be there; null: whatever is there.
   * @param operation the same text again is the same write, sent again; null: never the same.
   */
  async set(scope: StateScope, owner: string, key: string, json: string, expected: number | null, operation: string | null): Promise<StateWritten> {
    const before = await this.#found(scope, owner, key);
    if (before === undefined && (await this.count(scope, owner)) >= STATE_KEYS_MAX) return { kind: 'full' };
    const [row] = await this.on.query<{ version: number }>(SET, [scope, owner, key, json, expected, operation]);
    if (row !== undefined) return { kind: 'written', version: row.version };
    const now = await this.#found(scope, owner, key);
    if (now !== undefined && operation !== null && now.writtenBy === operation) return { kind: 'written', version: now.version };
    return { kind: 'conflict', version: now?.version ?? 0, json: now?.json ?? 'null' };
  }

  /** Deleting what is not there is done already, whatever version was expected. */
  async delete(scope: StateScope, owner: string, key: string, expected: number | null): Promise<StateWritten> {
    const [row] = await this.on.query<{ version: number }>(DELETE, [scope, owner, key, expected]);
    if (row !== undefined) return { kind: 'written', version: row.version };
    const now = await this.#found(scope, owner, key);
    return now === undefined ? { kind: 'written', version: 0 } : { kind: 'conflict', version: now.version, json: now.json };
  }

  async #found(scope: StateScope, owner: string, key: string): Promise<{ version: number; writtenBy: string | null; json: string } | undefined> {
    return (await this.on.query<{ version: number; writtenBy: string | null; json: string }>(WRITTEN_BY, [scope, owner, key]))[0];
  }
}
