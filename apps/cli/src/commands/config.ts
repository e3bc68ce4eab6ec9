import { describeOptions, resolveOptions } from '@millrace/configuration';
import { MillraceError } from '@millrace/vocabulary';
import type { Row } from '../client/api-client.js';
import { renderRows } from '../output/render.js';
import { print, tell } from '../output/terminal.js';
import type { OutputOptions } from '../output/terminal.js';

/** Every key with its value and where it comes from; wrong values are told and make the exit code 2. */
export async function listConfig(options: OutputOptions & { readonly describe?: boolean }): Promise<number> {
  const rows = describeOptions();
  const columns = ['key', 'value', 'source', 'env', ...(options.describe === true ? ['accepts', 'desc'] : [])];
  print(await renderRows(rows as unknown as Row[], columns, options.output));
  const problems = rows.filter((row) => row.problem !== undefined);
  for (const row of problems) tell(`millrace: ${row.problem}`);
  return problems.length > 0 ? 2 : 0;
}

/** What is wrong with the configuration as a service started here would read it: exit code 1 when there is anything. */
export async function lintConfig(options: OutputOptions): Promise<number> {
  const { problems, warnings } = resolveOptions();
  const keys = new Map(describeOptions().map((row) => [row.env, row.key]));
  const airflows = Object.keys(process.env).filter((name) => /^AIRFLOW__[A-Z0-9_]+__[A-Z0-9_]+$/.test(name)).sort().map((name) => {
    const ours = name.replace(/^AIRFLOW__/, 'MILLRACE__').replace(/_(CMD|SECRET)$/, '');
    return `${name} is Airflow's and is not read; ${keys.has(ours) ? `here it is ${ours}` : 'no key is called so here (millrace config list --describe)'}`;
  });
  const rows: Row[] = [...problems.map((message) => ({ severity: 'error', message })), ...[...warnings, ...airflows].map((message) => ({ severity: 'warning', message }))];
  if (rows.length === 0) tell('Nothing to say against the configuration.');
  if (rows.length > 0 || options.output !== 'table') print(await renderRows(rows, ['severity', 'message'], options.output));
  return rows.length === 0 ? 0 : 1;
}

/** One value, for scripts. Secrets are `***` here as everywhere. */
export async function showConfigValue(section: string, option: string | undefined): Promise<void> {
  const key = option === undefined ? section : `${section}.${option}`;
  const rows = describeOptions();
  const row = rows.find((each) => each.key === key);
  if (row === undefined) {
    const { nearest } = await import('@millrace/configuration');
    const near = nearest(key, rows.map((each) => each.key));
    throw new MillraceError('not_found', `no configuration key ${JSON.stringify(key)}${near === null ? '; millrace config list shows them all' : `; did you mean ${near}?`}`);
  }
  if (row.problem !== undefined) throw new MillraceError('bad_request', row.problem);
  print(`${String(row.value)}\n`);
}
