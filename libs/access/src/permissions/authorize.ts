import { MillraceError } from '@millrace/vocabulary';

/** Who asks: a person with a role, or the service itself. */
export interface Actor {
  readonly name: string;
  readonly role: string;
}

export const ROLES = ['Admin', 'Op', 'User', 'Viewer'] as const;
export type Role = (typeof ROLES)[number];

export type Action = 'read' | 'create' | 'edit' | 'delete';

/** Kinds of things, after Airflow's tags. */
export const RESOURCES = [
  'dag', 'dag_run', 'task_instance', 'task_log', 'xcom', 'backfill', 'dag_source', 'import_error', 'asset', 'pool', 'variable', 'connection',
  'config', 'audit_log', 'job', 'worker', 'plugin', 'provider', 'health', 'user',
] as const;
export type ResourceKind = (typeof RESOURCES)[number];

/** One thing, as far as the request names it. Teams and dags narrow roles later; the signature has them already. */
export interface Resource {
  readonly kind: ResourceKind;
  readonly dagId?: string | undefined;
}

const READ_DAGS = ['dag', 'dag_run', 'task_instance', 'task_log', 'xcom', 'backfill', 'dag_source', 'import_error', 'asset', 'job', 'plugin', 'provider', 'health'] as const;
const WORK_ON_DAGS = ['dag', 'dag_run', 'task_instance', 'xcom', 'backfill', 'asset'] as const;
const SETTINGS = ['pool', 'variable', 'connection', 'config', 'worker'] as const;

/** Airflow's roles: a Viewer reads, a User works with dags, an Op also with settings, an Admin with everything. Absent means denied. */
const GRANTS: Readonly<Record<Role, Readonly<Partial<Record<Action, readonly ResourceKind[]>>>>> = {
  Viewer: { read: READ_DAGS },
  User: { read: [...READ_DAGS, 'pool'], create: WORK_ON_DAGS, edit: WORK_ON_DAGS, delete: WORK_ON_DAGS },
  Op: { read: [...READ_DAGS, ...SETTINGS, 'audit_log'], create: [...WORK_ON_DAGS, ...SETTINGS], edit: [...WORK_ON_DAGS, ...SETTINGS], delete: [...WORK_ON_DAGS, ...SETTINGS] },
  Admin: { read: RESOURCES, create: RESOURCES, edit: RESOURCES, delete: RESOURCES },
};

/** Whether the actor may. Pure; an unknown role may nothing. */
export function isAllowed(actor: Actor, action: Action, resource: Resource): boolean {
  if (!Object.hasOwn(GRANTS, actor.role)) return false;
  return GRANTS[actor.role as Role][action]?.includes(resource.kind) ?? false;
}

/** @throws MillraceError `forbidden` that names action and thing. */
export function authorize(actor: Actor, action: Action, resource: Resource): void {
  if (isAllowed(actor, action, resource)) return;
  const what = `${resource.kind.replaceAll('_', ' ')}${resource.dagId === undefined ? '' : ` of dag "${resource.dagId}"`}`;
  throw new MillraceError('forbidden', `User "${actor.name}" (role ${actor.role}) may not ${action} ${what}`);
}
