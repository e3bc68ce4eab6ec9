import { setTimeout as sleep } from 'node:timers/promises';
import { ApiClient } from '../client/api-client.js';
import type { Row } from '../client/api-client.js';
import { renderOne, renderRows } from '../output/render.js';
import { print, tell } from '../output/terminal.js';
import type { OutputOptions } from '../output/terminal.js';

const PATH = '/api/millrace/v1/maintenance';
const STATE_COLUMNS = ['active', 'reason', 'by', 'since', 'running_tasks', 'queued_tasks', 'queued_runs', 'settled'];
const WORKER_COLUMNS = ['worker_name', 'state', 'queues', 'slots', 'free_slots', 'version', 'last_beat_at', 'drain_asked_by'];
const LOOK_EVERY_MS = 1_000;

interface Waiting {
  readonly wait?: boolean;
  readonly timeout?: number;
}

/** 0: it is on (and settled, with `--wait`); 1: the time is over and something still runs. */
export async function maintenanceOn(options: OutputOptions & Waiting & { readonly reason?: string }): Promise<number> {
  const api = ApiClient.fromEnvironment();
  let state = await api.put(PATH, { active: true, ...(options.reason === undefined ? {} : { reason: options.reason }) });
  const isSettled = options.wait !== true || (await until(options.timeout, async () => {
    state = await api.get(PATH);
    return state['settled'] === true ? null : `${String(state['running_tasks'])} tasks still run`;
  }));
  print(await renderOne(state, STATE_COLUMNS, options.output));
  return isSettled ? 0 : 1;
}

export async function maintenanceOff(options: OutputOptions): Promise<void> {
  print(await renderOne(await ApiClient.fromEnvironment().put(PATH, { active: false }), STATE_COLUMNS, options.output));
}

/** 0 whatever it is. */
export async function maintenanceStatus(options: OutputOptions): Promise<void> {
  print(await renderOne(await ApiClient.fromEnvironment().get(PATH), STATE_COLUMNS, options.output));
}

export async function listWorkers(options: OutputOptions & { readonly all?: boolean }): Promise<void> {
  print(await renderRows(await workers(ApiClient.fromEnvironment(), options.all === true), WORKER_COLUMNS, options.output));
}

/** 0: it was asked (and has gone, with `--wait`); 1: the time is over and it is still there. */
export async function drainWorker(name: string, options: OutputOptions & Waiting): Promise<number> {
  const api = ApiClient.fromEnvironment();
  const answer = await api.post<{ workers: Row[] }>(`/api/millrace/v1/workers/${encodeURIComponent(name)}/drain`, {});
  const asked = new Set(answer.workers.map((worker) => worker['session_id']));
  const isGone = options.wait !== true || (await until(options.timeout, async () => {
    const left = (await workers(api, false)).filter((worker) => asked.has(worker['session_id'] as string));
    return left.length === 0 ? null : `${name} is ${String(left[0]!['state'])}, ${Number(left[0]!['slots']) - Number(left[0]!['free_slots'])} of ${String(left[0]!['slots'])} slots busy or closed`;
  }));
  if (options.wait === true) tell(isGone ? `${name} has gone` : `${name} still drains`);
  else print(await renderRows(answer.workers, ['worker_name', 'state', 'running_tasks', 'drain_asked_at', 'drain_asked_by'], options.output));
  return isGone ? 0 : 1;
}

async function workers(api: ApiClient, all: boolean): Promise<Row[]> {
  const inState = (state?: string): Promise<Row[]> => api.list('/api/millrace/v1/workers', 'workers', { order_by: 'worker_name', ...(state === undefined ? {} : { state }) });
  return all ? inState() : [...(await inState('active')), ...(await inState('draining'))];
}

/** Looks until there is nothing left to wait for, telling what is when it changes. @param seconds no limit when left out */
async function until(seconds: number | undefined, look: () => Promise<string | null>): Promise<boolean> {
  const end = seconds === undefined ? Number.POSITIVE_INFINITY : performance.now() + seconds * 1_000;
  for (let told = ''; ; ) {
    const left = await look();
    if (left === null) return true;
    if (left !== told) tell(`waiting: ${left}`);
    told = left;
    if (performance.now() >= end) return false;
    await sleep(LOOK_EVERY_MS);
  }
}
