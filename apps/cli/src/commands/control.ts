import { ApiClient } from '../client/api-client.js';
import type { Row } from '../client/api-client.js';
import { withDagName } from '../client/dag-names.js';
import { renderOne, renderRows } from '../output/render.js';
import { print, tell } from '../output/terminal.js';
import type { OutputOptions } from '../output/terminal.js';
import { resolveRun } from './tasks.js';

interface Why extends Row {
  state: string | null;
  reasons: Row[];
}

export async function whyTask(dagId: string, run: string, taskId: string, options: OutputOptions & { readonly mapIndex?: number }): Promise<void> {
  const api = ApiClient.fromEnvironment();
  const runId = await resolveRun(api, dagId, run);
  const answer = await withDagName(api, dagId, () => api.get<Why>(`${ofRun(dagId, runId)}/taskInstances/${encodeURIComponent(taskId)}/why`, { map_index: options.mapIndex }));
  await printWhy(`${dagId}.${taskId} of ${runId}`, answer, options);
}

export async function whyRun(dagId: string, run: string | undefined, options: OutputOptions): Promise<void> {
  const api = ApiClient.fromEnvironment();
  const runId = await resolveRun(api, dagId, run);
  const answer = await withDagName(api, dagId, () => api.get<Why>(`${ofRun(dagId, runId)}/why`));
  await printWhy(`${dagId} ${runId}`, answer, options);
}

export async function cancelRun(dagId: string, run: string, options: OutputOptions): Promise<void> {
  const api = ApiClient.fromEnvironment();
  const runId = await resolveRun(api, dagId, run);
  const row = await withDagName(api, dagId, () => api.post(`${ofRun(dagId, runId)}/cancel`, {}));
  print(await renderOne(row, ['dag_run_id', 'state'], options.output));
}

export function switchOff(dagId: string, taskId: string, options: OutputOptions & { readonly note?: string }): Promise<void> {
  return switchTask(dagId, taskId, { off: true, note: options.note ?? null }, options);
}

export function switchOn(dagId: string, taskId: string, options: OutputOptions): Promise<void> {
  return switchTask(dagId, taskId, { off: false }, options);
}

export async function listSwitches(dagId: string, options: OutputOptions): Promise<void> {
  const api = ApiClient.fromEnvironment();
  const { switches } = await withDagName(api, dagId, () => api.get<{ switches: Row[] }>(`/api/millrace/v1/dags/${encodeURIComponent(dagId)}/taskSwitches`));
  print(await renderRows(switches, ['task_id', 'off_by', 'off_at', 'note'], options.output));
}

export async function releaseDag(dagId: string, options: OutputOptions): Promise<void> {
  const api = ApiClient.fromEnvironment();
  const row = await withDagName(api, dagId, () => api.post(`/api/millrace/v1/dags/${encodeURIComponent(dagId)}/release`, {}));
  print(await renderOne(row, ['dag_id', 'was_held_by'], options.output));
}

async function switchTask(dagId: string, taskId: string, body: object, options: OutputOptions): Promise<void> {
  const api = ApiClient.fromEnvironment();
  const row = await withDagName(api, dagId, () => api.patch(`/api/millrace/v1/dags/${encodeURIComponent(dagId)}/taskSwitches/${encodeURIComponent(taskId)}`, body));
  print(await renderOne(row, ['dag_id', 'task_id', 'off', 'changed'], options.output));
}

/** A sentence a line for people; all data for programs. */
async function printWhy(what: string, answer: Why, options: OutputOptions): Promise<void> {
  if (options.output === 'json' || options.output === 'yaml') return print(await renderOne(answer, [], options.output));
  if (options.output === 'plain') return print(await renderRows(answer.reasons, ['kind', 'sentence'], 'plain'));
  tell(`${what}: ${answer.state ?? 'none'}`);
  for (const { kind, sentence } of answer.reasons) print(`${String(sentence)}  [${String(kind)}]\n`);
}

function ofRun(dagId: string, runId: string): string {
  return `/api/millrace/v1/dags/${encodeURIComponent(dagId)}/dagRuns/${encodeURIComponent(runId)}`;
}
