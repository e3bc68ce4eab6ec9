import { hostname, platform, release } from 'node:os';
import { MillraceError } from '@millrace/vocabulary';
import type { Command } from 'commander';
import { ApiClient } from '../client/api-client.js';
import type { Row } from '../client/api-client.js';
import { dagPath, withDagName } from '../client/dag-names.js';
import { homeFolder } from '../client/home.js';
import { Profiles } from '../client/profiles.js';
import { renderOne, renderRows } from '../output/render.js';
import { print } from '../output/terminal.js';
import type { OutputOptions } from '../output/terminal.js';
import { versionText } from './version.js';

/** What a person asks for who wants to help: versions, where things are, and whether the api answers. */
export async function showInfo(options: OutputOptions): Promise<void> {
  const home = homeFolder();
  const api = ApiClient.fromEnvironment();
  const about: Row = { millrace: versionText(), node: process.version, platform: `${platform()} ${release()}`, host: hostname(), home, api: api.url, profile: new Profiles(home).current };
  try {
    about['api_version'] = (await api.get('/api/v2/version'))['version'] ?? null;
    const health = await api.get<Record<string, { status: string | null }>>('/api/v2/monitor/health');
    for (const [name, { status }] of Object.entries(health)) about[name] = status;
  } catch (error) {
    about['api_version'] = (error as Error).message;
  }
  print(await renderOne(about, Object.keys(about), options.output));
}

export async function listJobs(options: OutputOptions & { readonly jobType?: string; readonly state?: string; readonly limit: number }): Promise<void> {
  const rows = await ApiClient.fromEnvironment().list('/api/v2/jobs', 'jobs', { job_type: options.jobType, job_state: options.state, order_by: '-start_date' }, options.limit);
  print(await renderRows(rows, ['id', 'job_type', 'state', 'hostname', 'start_date', 'end_date', 'latest_heartbeat'], options.output));
}

/** Airflow's probe: 0 when such a service beats. */
export async function checkJobs(options: { readonly jobType?: string; readonly hostname?: string; readonly allowMultiple?: boolean; readonly limit: number }): Promise<number> {
  const rows = await ApiClient.fromEnvironment().list('/api/v2/jobs', 'jobs', { job_type: options.jobType, hostname: options.hostname, is_alive: true }, Math.max(2, options.limit));
  const kind = options.jobType ?? 'service';
  if (rows.length === 0) print(`No alive ${kind} found.\n`);
  else if (rows.length > 1 && options.allowMultiple !== true) print(`Found ${rows.length} alive ${kind}s; one was expected (--allow-multiple).\n`);
  else print(`Found ${rows.length === 1 ? 'one' : rows.length} alive ${kind}${rows.length === 1 ? '' : 's'}.\n`);
  return rows.length > 0 && (rows.length === 1 || options.allowMultiple === true) ? 0 : 1;
}

/** Airflow's `dags list-jobs`: with a dag its tries, which here are what works for it; without, the services. */
export async function listDagJobs(options: OutputOptions & { readonly dagId?: string; readonly state?: string; readonly limit: number }): Promise<void> {
  const { dagId } = options;
  if (dagId === undefined) return listJobs(options);
  const api = ApiClient.fromEnvironment();
  const rows = await withDagName(api, dagId, () => api.list(`${dagPath(dagId)}/dagRuns/~/taskInstances`, 'task_instances', { state: options.state, order_by: '-start_date' }, options.limit));
  print(await renderRows(rows, ['dag_id', 'task_id', 'dag_run_id', 'state', 'hostname', 'start_date', 'end_date'], options.output));
}

export async function showProvider(name: string, options: OutputOptions): Promise<void> {
  const all = await ApiClient.fromEnvironment().list('/api/v2/providers', 'providers');
  const found = all.find((row) => row['package_name'] === name);
  if (found === undefined) throw new MillraceError('not_found', `no provider ${JSON.stringify(name)}; there are ${all.map((row) => String(row['package_name'])).join(', ') || 'none'}`);
  print(await renderOne(found, ['package_name', 'version', 'description'], options.output));
}

export async function listProviders(options: OutputOptions): Promise<void> {
  print(await renderRows(await ApiClient.fromEnvironment().list('/api/v2/providers', 'providers'), ['package_name', 'version', 'description'], options.output));
}

/** Every command with what it does, one a line. */
export function cheatSheet(program: Command): void {
  const lines: string[] = [];
  const walk = (command: Command, words: readonly string[]): void => {
    for (const each of command.commands) {
      if ((each as unknown as { _hidden?: boolean })._hidden === true) continue;
      const path = [...words, each.name()];
      if (each.commands.length > 0) {
        lines.push('', `${path.join(' ')}: ${each.description()}`);
        walk(each, path);
      } else lines.push(`  ${`millrace ${path.join(' ')} ${each.registeredArguments.map((argument) => (argument.required ? `<${argument.name()}>` : `[${argument.name()}]`)).join(' ')}`.trimEnd().padEnd(58)} ${each.description()}`);
    }
  };
  walk(program, []);
  print(`${lines.join('\n').trim()}\n`);
}
