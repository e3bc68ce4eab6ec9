import { setTimeout as sleep } from 'node:timers/promises';
import { MillraceError } from '@millrace/vocabulary';
import type { ApiClient, Row } from '../client/api-client.js';
import { runPath } from '../client/dag-names.js';

export interface WatchOptions {
  /** Progress for a person, never part of the output. */
  readonly onProgress: (line: string) => void;
  /** Called once for each try that has begun, with its instance. */
  readonly onTry?: (instance: Row) => void;
  readonly timeoutMs?: number;
}

/** Runs wider than this are told in counts. */
const TOLD_ONE_BY_ONE = 100;
const COUNTED_STATES = ['success', 'failed', 'skipped', 'upstream_failed', 'running', 'queued', 'up_for_retry'];

/** Waits until a run has finished, telling what changes; gives the finished run. */
export async function watchRun(api: ApiClient, dagId: string, runId: string, options: WatchOptions): Promise<Row> {
  const path = runPath(dagId, runId);
  const told = new Map<string, string>();
  const until = options.timeoutMs === undefined ? Number.POSITIVE_INFINITY : performance.now() + options.timeoutMs;
  let waitMs = 100;
  for (;;) {
    const run = await patiently(() => api.get(path), options.onProgress);
    await tellInstances(api, path, told, options).catch((error: unknown) => {
      if (!(error instanceof MillraceError && error.code === 'unavailable')) throw error;
    });
    if (run['state'] === 'success' || run['state'] === 'failed') return run;
    if (performance.now() > until) throw new MillraceError('unavailable', `${runId} is still ${String(run['state'])} after ${options.timeoutMs} ms; it goes on without being watched`);
    await sleep(waitMs);
    waitMs = Math.min(1_000, waitMs * 1.3);
  }
}

/** A restart of the api is no reason to leave a run unwatched. */
async function patiently(request: () => Promise<Row>, onProgress: (line: string) => void): Promise<Row> {
  for (let failures = 0; ; failures++) {
    try {
      return await request();
    } catch (error) {
      if (!(error instanceof MillraceError && error.code === 'unavailable') || failures >= 60) throw error;
      if (failures === 0) onProgress(`${error.message} – still trying`);
      await sleep(1_000);
    }
  }
}

async function tellInstances(api: ApiClient, path: string, told: Map<string, string>, { onProgress, onTry }: WatchOptions): Promise<void> {
  const page = await api.get<{ task_instances: Row[]; total_entries: number }>(`${path}/taskInstances`, { limit: TOLD_ONE_BY_ONE });
  if (page.total_entries > TOLD_ONE_BY_ONE) {
    const counts = await Promise.all(COUNTED_STATES.map(async (state) => [state, (await api.get(`${path}/taskInstances`, { state, limit: 1 }))['total_entries']] as const));
    const line = `${page.total_entries} tasks: ${counts.filter(([, count]) => count !== 0).map(([state, count]) => `${String(count)} ${state}`).join(', ')}`;
    if (told.get('') !== line) onProgress(line);
    told.set('', line);
    return;
  }
  for (const instance of page.task_instances) {
    const name = `${String(instance['task_id'])}${Number(instance['map_index']) >= 0 ? `[${String(instance['map_index'])}]` : ''}`;
    const state = `${String(instance['state'] ?? 'none')}${Number(instance['try_number']) > 1 ? ` (try ${String(instance['try_number'])})` : ''}`;
    if (told.get(name) === state) continue;
    if (told.has(name) || instance['state'] !== null) onProgress(`${name}: ${state}`);
    told.set(name, state);
    if (onTry !== undefined && Number(instance['try_number']) > 0 && instance['start_date'] !== null) onTry(instance);
  }
}
