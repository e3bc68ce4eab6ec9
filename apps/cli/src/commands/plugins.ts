import { ApiClient } from '../client/api-client.js';
import type { Row } from '../client/api-client.js';
import { printable, renderRows } from '../output/render.js';
import { print } from '../output/terminal.js';
import type { OutputOptions } from '../output/terminal.js';

const EXIT_BROKEN = 1;
const GIVEN = ['operators', 'sensors', 'timetables', 'hooks', 'macros', 'listeners', 'operator_extra_links', 'routes'] as const;

/** What the plugins folders hold, as the dag-processors have found it; the broken ones with their reasons. */
export async function listPlugins(options: OutputOptions): Promise<number> {
  const api = ApiClient.fromEnvironment();
  const [plugins, errors] = await Promise.all([api.list('/api/v2/plugins', 'plugins', {}), api.list('/api/v2/plugins/importErrors', 'import_errors', {})]);
  if (options.output === 'json' || options.output === 'yaml') print(await renderRows([...plugins, ...errors], [], options.output));
  else {
    print(await renderRows(plugins.map(forPeople), ['name', 'version', 'source', 'gives'], options.output));
    for (const error of errors) print(`\n${String(error['error']).trimEnd().split('\n').map(printable).join('\n')}\n`);
  }
  return errors.length === 0 ? 0 : EXIT_BROKEN;
}

function forPeople(plugin: Row): Row {
  const gives = GIVEN.flatMap((kind) => {
    const list = (plugin[kind] ?? []) as readonly unknown[];
    return list.length === 0 ? [] : [`${kind === 'operator_extra_links' ? 'links' : kind}: ${list.map(String).join(', ')}`];
  });
  return { ...plugin, gives: gives.join('; ') };
}
