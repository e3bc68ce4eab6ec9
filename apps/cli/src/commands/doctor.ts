import { loadConfiguration } from '@millrace/configuration';
import { checkDatabase } from '../doctor/database-checks.js';
import type { Finding } from '../doctor/check.js';
import { checkConfiguration, checkFolders, checkNode } from '../doctor/machine-checks.js';
import { checkBroker, checkRedis, checkServices } from '../doctor/network-checks.js';
import { renderRows } from '../output/render.js';
import { print, tell } from '../output/terminal.js';
import type { OutputOptions } from '../output/terminal.js';

const SIGNS = { ok: 'ok  ', warn: 'WARN', fail: 'FAIL', skip: '-   ' } as const;

/** Looks at everything that can be reached from here and says what to do. Changes nothing. Exit code 1 when something fails. */
export async function doctor(options: OutputOptions): Promise<number> {
  const config = loadConfiguration();
  const groups = await Promise.all([checkFolders(config), checkDatabase(config), checkBroker(config), checkRedis(config), checkServices(config)]);
  const findings: Finding[] = [checkNode(), ...checkConfiguration(config), ...groups.flat()];
  if (options.output === 'table') {
    for (const { check, verdict, found, advice } of findings) print(`${SIGNS[verdict]} ${check.padEnd(15)} ${found}${advice === '' ? '' : `\n${' '.repeat(21)}→ ${advice}`}\n`);
  } else print(await renderRows(findings.map(({ check, verdict, found, advice }) => ({ check, verdict, found, advice })), ['check', 'verdict', 'found', 'advice'], options.output));
  const count = (verdict: Finding['verdict']): number => findings.filter((finding) => finding.verdict === verdict).length;
  tell(`${count('ok')} ok, ${count('warn')} to look at, ${count('fail')} failed, ${count('skip')} not asked`);
  return count('fail') > 0 ? 1 : 0;
}
