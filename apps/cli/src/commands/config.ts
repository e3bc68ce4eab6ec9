import { describeOptions } from '@millrace/configuration';
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
