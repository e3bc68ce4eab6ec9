import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { OPERATIONS } from '../rest/openapi/operations.js';
import type { OperationId } from '../rest/openapi/operations.js';

const TITLE = `# Operations of the REST API

Every operation of Airflow's REST API v2 (its OpenAPI document of 3.2.1), with what drives it in the tests. All 110 are answered: the api does not start when one has no handler.
Method, path, parameters and body fields are compared with Airflow's document by \`apps/api/src/rest/openapi/document.spec.ts\`; statuses and every field of every answer by \`answers.spec.ts\` beside it. Both name each difference and its reason.
This page is written from the code; \`operations-page.spec.ts\` fails when it names something that does not drive its operation any more.

* **client**: driven by \`test/compat\` through \`apache-airflow-client\`, against a whole standalone; each answer is checked against the client's model and against our own served document.
* **airflowctl**: driven through \`apache-airflow-ctl\`.
* A name in the last column is a spec of \`apps/api/src\` that calls the operation over HTTP. Beside these, every operation is fuzzed from the served document.

| operation | | path | driven by | specs |
|---|---|---|---|---|
`;

/** What airflowctl's commands of test/compat/drive_ctl.py call. */
const BY_AIRFLOWCTL: Readonly<Record<string, OperationId>> = {
  'version": "--remote': 'get_version', 'dags", "list': 'get_dags', 'dags", "get': 'get_dag', 'dags", "get-details': 'get_dag_details', 'dags", "list-version': 'get_dag_versions', 'dags", "get-version': 'get_dag_version',
  'dags", "list-import-errors': 'get_import_errors', 'dags", "get-import-error': 'get_import_error', 'dags", "list-warning': 'list_dag_warnings', 'dags", "update': 'patch_dag', 'dags", "get-stats': 'get_dag_stats',
  'dags", "trigger': 'trigger_dag_run', 'dags", "delete': 'delete_dag', 'dagrun", "get': 'get_dag_run', 'dagrun", "list': 'get_dag_runs',
  'xcom", "list': 'get_xcom_entries', 'xcom", "get': 'get_xcom_entry', 'xcom", "add': 'create_xcom_entry', 'xcom", "edit': 'update_xcom_entry', 'xcom", "delete': 'delete_xcom_entry',
  'backfill", "create': 'create_backfill', 'backfill", "list': 'list_backfills', 'backfill", "get': 'get_backfill',
  'config", "list': 'get_config', 'config", "get': 'get_config_value', 'jobs", "list': 'get_jobs', 'plugins", "list': 'get_plugins', 'plugins", "list-import-errors': 'import_errors', 'providers", "list': 'get_providers',
  'connections", "create': 'post_connection', 'connections", "get': 'get_connection', 'connections", "update': 'patch_connection', 'connections", "list': 'get_connections', 'connections", "import': 'bulk_connections', 'connections", "delete': 'delete_connection',
  'pools", "create': 'post_pool', 'pools", "get': 'get_pool', 'pools", "update': 'patch_pool', 'pools", "list': 'get_pools', 'pools", "import': 'bulk_pools', 'pools", "delete': 'delete_pool',
  'variables", "create': 'post_variable', 'variables", "get': 'get_variable', 'variables", "update': 'patch_variable', 'variables", "list': 'get_variables', 'variables", "import': 'bulk_variables', 'variables", "delete': 'delete_variable',
  'assets", "list': 'get_assets', 'assets", "list-by-alias': 'get_asset_aliases',
};

/** Of each operation, what drives it. */
export function driversOf(page: string): ReadonlyMap<string, readonly string[]> {
  return new Map([...page.matchAll(/^\| `(\w+)` \|[^|]*\|[^|]*\| ([^|]*)\| ([^|]*)\|$/gm)].map(([, id, drivers, specs]) => [id!, [drivers!, specs!].flatMap((cell) => cell.split(',').map((name) => name.trim()).filter((name) => name !== ''))]));
}

/** docs/users/rest-operations.md, from the table of operations and from what the specs call. @param root of the repository */
export function operationsPage(root: string): string {
  const client = ['drive.py', 'settings.py', 'assets_and_questions.py'].map((name) => readFileSync(join(root, 'test/compat', name), 'utf8')).join('\n');
  const ctl = readFileSync(join(root, 'test/compat/drive_ctl.py'), 'utf8');
  const byCtl = new Set(Object.entries(BY_AIRFLOWCTL).flatMap(([words, id]) => (ctl.includes(`"${words}"`) ? [id] : [])));
  const specs = readdirSync(join(root, 'apps/api/src'), { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.pg.spec.ts')).sort()
    .map((name) => ({ name: name.split('/').at(-1)!.replace('.pg.spec.ts', ''), text: readFileSync(join(root, 'apps/api/src', name), 'utf8') }));
  const rows = (Object.keys(OPERATIONS) as OperationId[]).map((id) => {
    const { method, path } = OPERATIONS[id];
    const drivers = [new RegExp(`\\.${id}\\b`).test(client) ? 'client' : '', byCtl.has(id) ? 'airflowctl' : ''].filter((name) => name !== '');
    const named = specs.filter(({ text }) => calls(text, method, path)).map(({ name }) => name);
    return `| \`${id}\` | ${method} | \`${path.replace(/:(\w+)/g, '{$1}')}\` | ${drivers.join(', ')} | ${named.join(', ')} |`;
  });
  return `${TITLE}${rows.join('\n')}\n`;
}

/** Whether a spec calls this operation. Its calls are written as literals, with a constant for the front of the path. */
function calls(text: string, method: string, path: string): boolean {
  const constants = new Map([...text.matchAll(/const (\w+) = ['`](\/api\/[^'`]*)['`]/g)].map(([, name, value]) => [name!, value!]));
  const wanted = new RegExp(`^${path.replace(/:\w+/g, '[^/?]+')}(\\?.*)?$`);
  for (const [, verb, literal] of [...text.matchAll(/\.(?:call\(\s*'(?:\w+)',|get\()\s*['`]([^'`]*)['`]/g)].map((match) => [match[0], /call\(\s*'(\w+)'/.exec(match[0])?.[1] ?? 'GET', match[1]!] as const)) {
    let full = literal;
    for (let round = 0; round < 3; round++) full = full.replace(/\$\{(\w+)\}/g, (all, name: string) => constants.get(name) ?? all);
    if (verb === method && wanted.test(full.replace(/\$\{[^}]*\}/g, 'x'))) return true;
  }
  return false;
}
