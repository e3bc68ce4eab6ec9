import { Any } from 'typeorm';
import type { DataSource } from 'typeorm';
import { MASK } from '@millrace/access';
import { ConnectionEntity, PoolEntity, VariableEntity } from '@millrace/persistence';
import { maskText } from '@millrace/telemetry';
import { ownedBySomeoneIn } from './security/owned-by-teams.js';

/** More than one line of the audit log should hold; a bulk request may name a hundred thousand. */
const NAMES_MAX = 1_000;
const NAME_MAX_CHARS = 256;

type Shown = Readonly<Record<string, unknown>>;

/**
 * What pools, variables and connections were before a request that changes them, for its line in the audit log. Values, logins, passwords and extras are masked;
 * rows of teams that are not the caller's are left out, as for everything else the caller asks.
 */
export class BeforeChange {
  constructor(private readonly entities: DataSource) {}

  /**
   * @param body as it came, not validated yet
   * @returns the one thing a path names, or null when there is none; of a bulk request those that exist, by name; undefined: the request changes something else
   */
  async of(resource: string, params: Readonly<Record<string, string>>, body: unknown): Promise<Shown | null | undefined> {
    const rows = ROWS[resource];
    if (rows === undefined) return undefined;
    const one = params[rows.param];
    if (one !== undefined) return isName(one) ? (Object.values(await rows.read(this.entities, [one]))[0] ?? null) : null;
    const names = namesIn(body, rows.key);
    return names.length === 0 ? undefined : rows.read(this.entities, names);
  }
}

interface Rows {
  /** Of the path. */
  readonly param: string;
  /** Of an entity in a bulk body. */
  readonly key: string;
  read(entities: DataSource, names: readonly string[]): Promise<Readonly<Record<string, Shown>>>;
}

const ROWS: Readonly<Record<string, Rows | undefined>> = {
  pool: {
    param: 'pool_name',
    key: 'name',
    read: async (entities, names) => {
      const found = await entities.getRepository(PoolEntity).findBy({ name: Any([...names]), ...ownedBySomeoneIn() });
      return byName(found, (pool) => pool.name, ({ slots, description, includeDeferred, team }) => ({ slots, description, include_deferred: includeDeferred, team_name: team }));
    },
  },
  variable: {
    param: 'variable_key',
    key: 'key',
    read: async (entities, names) => {
      const found = await entities.getRepository(VariableEntity).findBy({ key: Any([...names]), ...ownedBySomeoneIn() });
      return byName(found, (variable) => variable.key, ({ description, team }) => ({ value: MASK, description: masked(description), team_name: team }));
    },
  },
  connection: {
    param: 'connection_id',
    key: 'connection_id',
    read: async (entities, names) => {
      const found = await entities.getRepository(ConnectionEntity).findBy({ connectionId: Any([...names]), ...ownedBySomeoneIn() });
      return byName(found, (row) => row.connectionId, (row) => ({
        conn_type: row.connType, description: masked(row.description), host: masked(row.host), port: row.port, schema: row.schemaName, team_name: row.team,
        login: hidden(row.login), password: hidden(row.passwordEncrypted), extra: hidden(row.extraEncrypted),
      }));
    },
  },
};

function byName<Row>(rows: readonly Row[], nameOf: (row: Row) => string, shown: (row: Row) => Shown): Readonly<Record<string, Shown>> {
  return Object.fromEntries(rows.map((row) => [nameOf(row), shown(row)]));
}

/** Names in `actions[].entities[]`, which may be a name or a thing with one. */
function namesIn(body: unknown, key: string): string[] {
  const names = new Set<string>();
  for (const action of listOf(fieldOf(body, 'actions'))) {
    for (const entity of listOf(fieldOf(action, 'entities'))) {
      const name = typeof entity === 'string' ? entity : fieldOf(entity, key);
      if (isName(name)) names.add(name);
      if (names.size === NAMES_MAX) return [...names];
    }
  }
  return [...names];
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>)[name] : undefined;
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** Whether the database can be asked for it; a NUL it refuses. */
function isName(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= NAME_MAX_CHARS && !value.includes('\0');
}

/** A host or description may be an address with a password in it. */
function masked(text: string | null): string | null {
  return text === null ? null : maskText(text);
}

function hidden(value: string | null): string | null {
  return value === null ? null : MASK;
}
