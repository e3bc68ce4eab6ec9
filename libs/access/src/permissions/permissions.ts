import { z } from 'zod';

export const ACTIONS = ['read', 'create', 'edit', 'delete'] as const;
export type Action = (typeof ACTIONS)[number];

/** Kinds of things, after Airflow's tags. */
export const RESOURCES = [
  'dag', 'dag_run', 'task_instance', 'task_log', 'xcom', 'backfill', 'dag_source', 'import_error', 'asset', 'pool', 'variable', 'connection',
  'config', 'audit_log', 'job', 'worker', 'plugin', 'provider', 'health', 'user',
] as const;
export type ResourceKind = (typeof RESOURCES)[number];

/** Things of one dag, or seen through dags. */
const OF_DAGS: ReadonlySet<ResourceKind> = new Set(['dag', 'dag_run', 'task_instance', 'task_log', 'xcom', 'backfill', 'dag_source', 'import_error', 'asset', 'audit_log'] as const);
/** Things a team may own besides dags. */
const OF_TEAMS: ReadonlySet<ResourceKind> = new Set(['pool', 'variable', 'connection'] as const);
/** Of the installation, and no secret of anybody: whoever may anything for a team may read these. */
const OF_EVERYBODY: ReadonlySet<ResourceKind> = new Set(['plugin', 'provider', 'health'] as const);

const name = z.string().min(1).max(250);
const orAll = <Value extends string>(values: readonly Value[]) => z.array(z.enum(['*', ...values] as const)).min(1).max(100);

/** One sentence of a role: who has it may do these actions to these kinds of things, of all dags and teams or only of the named ones. */
export const permissionSchema = z.strictObject({
  actions: orAll(ACTIONS),
  resources: orAll(RESOURCES),
  /** Ids, with `*` for any characters. */
  dags: z.array(name).min(1).max(1_000).optional(),
  teams: z.array(name).min(1).max(1_000).optional(),
});
export type Permission = z.infer<typeof permissionSchema>;
export const permissionsSchema = z.array(permissionSchema).max(1_000);

/** Of what things: all, or those of these dags (patterns) and teams. */
export type Reach = 'all' | { readonly dags: readonly string[]; readonly teams: readonly string[] };
const NOWHERE: Reach = { dags: [], teams: [] };

/** What permissions come to. Absent means denied. */
export class Permissions {
  readonly #reaches = new Map<string, Reach>();

  constructor(permissions: readonly Permission[]) {
    for (const permission of permissions) {
      const actions = permission.actions.includes('*') ? ACTIONS : (permission.actions as readonly Action[]);
      const kinds = permission.resources.includes('*') ? RESOURCES : (permission.resources as readonly ResourceKind[]);
      for (const action of actions) for (const kind of kinds) this.#add(action, kind, permission);
    }
  }

  reach(action: Action, kind: ResourceKind): Reach {
    return this.#reaches.get(`${action}/${kind}`) ?? NOWHERE;
  }

  #add(action: Action, kind: ResourceKind, { dags, teams }: Permission): void {
    const key = `${action}/${kind}`;
    const before = this.#reaches.get(key) ?? NOWHERE;
    if (before === 'all') return;
    if ((dags === undefined && teams === undefined) || (action === 'read' && OF_EVERYBODY.has(kind))) this.#reaches.set(key, 'all');
    // A limit to dags says nothing of a pool; a limit of either kind says nothing of the installation.
    else if (OF_DAGS.has(kind)) this.#reaches.set(key, { dags: [...before.dags, ...(dags ?? [])], teams: [...before.teams, ...(teams ?? [])] });
    else if (OF_TEAMS.has(kind) && teams !== undefined) this.#reaches.set(key, { dags: [], teams: [...before.teams, ...teams] });
  }
}

/** A `*` stands for any characters, also none. Compared in time that grows with the two lengths, whatever the pattern. */
export function fitsPattern(pattern: string, text: string): boolean {
  const parts = pattern.split('*');
  if (parts.length === 1) return pattern === text;
  const [first, last] = [parts[0]!, parts.at(-1)!];
  if (text.length < first.length + last.length || !text.startsWith(first) || !text.endsWith(last)) return false;
  let at = first.length;
  const end = text.length - last.length;
  for (const part of parts.slice(1, -1)) {
    const found = text.indexOf(part, at);
    if (found < 0 || found + part.length > end) return false;
    at = found + part.length;
  }
  return true;
}
