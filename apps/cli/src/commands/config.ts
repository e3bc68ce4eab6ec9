import { describeOptions } from '@millrace/configuration';
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
