import type { Permission, ResourceKind } from './permissions.js';

const READ_DAGS: ResourceKind[] = ['dag', 'dag_run', 'task_instance', 'task_log', 'xcom', 'backfill', 'dag_source', 'import_error', 'asset', 'job', 'plugin', 'provider', 'health'];
const WORK_ON_DAGS: ResourceKind[] = ['dag', 'dag_run', 'task_instance', 'xcom', 'backfill', 'asset'];
const SETTINGS: ResourceKind[] = ['pool', 'variable', 'connection', 'config', 'worker'];

/**
 * Airflow's roles: a Viewer reads, a User works with dags, an Op also with settings, an Admin with everything. Public is for those who are
 * not logged in: it may nothing until somebody gives it something.
 */
export const FIXED_ROLES: Readonly<Record<string, readonly Permission[]>> = {
  Admin: [{ actions: ['*'], resources: ['*'] }],
  Op: [
    { actions: ['read'], resources: [...READ_DAGS, ...SETTINGS, 'audit_log'] },
    { actions: ['create', 'edit', 'delete'], resources: [...WORK_ON_DAGS, ...SETTINGS, 'dag_source'] },
  ],
  User: [{ actions: ['read'], resources: [...READ_DAGS, 'pool'] }, { actions: ['create', 'edit', 'delete'], resources: WORK_ON_DAGS }],
  Viewer: [{ actions: ['read'], resources: READ_DAGS }],
  Public: [],
};

export const ADMIN_ROLE = 'Admin';
export const PUBLIC_ROLE = 'Public';
/** Changing these would lock everybody out, or change what the others mean. */
export const UNCHANGEABLE_ROLES: ReadonlySet<string> = new Set([ADMIN_ROLE, 'Op', 'User', 'Viewer']);
