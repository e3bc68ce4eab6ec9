import { setTimeout as sleep } from 'node:timers/promises';
import { MillraceError } from '@millrace/vocabulary';
import { ApiClient } from '../client/api-client.js';
import type { Json, Row } from '../client/api-client.js';
import { withDagName } from '../client/dag-names.js';
import { renderOne, renderRows } from '../output/render.js';
import { print, tell } from '../output/terminal.js';
import type { OutputOptions } from '../output/terminal.js';

export interface RerunOptions extends OutputOptions {
  readonly run?: string[];
  readonly from?: string;
  readonly to?: string;
  readonly state?: string[];
  readonly partition?: string[];
  readonly task?: string[];
  readonly upstream?: boolean;
  readonly downstream?: boolean;
  readonly onlyFailed?: boolean;
  readonly newestFirst?: boolean;
  readonly maxActiveRuns?: number;
  readonly conf?: Record<string, Json>;
  readonly latest?: boolean;
  readonly input?: string[];
  readonly note?: string;
  readonly plan?: boolean;
  readonly apply?: string;
  readonly wait: boolean;
}

const COLUMNS = ['place', 'dag_run_id', 'logical_date', 'task_instances', 'state', 'outcome'];

/** Shows the plan; unless that was all that was asked, applies it and tells how far it is. */
export async function rerun(dagId: string, options: RerunOptions): Promise<number> {
  const api = ApiClient.fromEnvironment();
  const path = `/api/millrace/v1/dags/${encodeURIComponent(dagId)}/reruns`;
  let id = options.apply;
  if (id === undefined) {
    if (options.run === undefined && options.from === undefined && options.to === undefined && options.state === undefined && options.partition === undefined) {
      throw new MillraceError('bad_request', 'say which runs: --run, --from and --to, --state or --partition');
    }
    const plan = await withDagName(api, dagId, () => api.post(path, bodyOf(options)));
    id = String(plan['id']);
    if (options.output === 'json' || options.output === 'yaml') print(await renderOne(plan, [], options.output));
    else {
      print(await renderRows(plan['items'] as Row[], COLUMNS, options.output));
      tell(`plan ${id}: ${String(plan['runs'])} runs, ${String(plan['task_instances'])} task instances${Number(plan['left_out_total']) > 0 ? `; left out: ${String(plan['left_out_total'])}` : ''}`);
      for (const left of plan['left_out'] as Row[]) tell(`  left out ${String(left['dag_run_id'])}: ${String(left['why'])}`);
    }
    if (options.plan === true) {
      tell(`nothing was changed; millrace runs rerun ${dagId} --apply ${id} does it`);
      return 0;
    }
  }
  await api.post(`${path}/${id}/apply`, {});
  tell(`applying ${id}`);
  if (!options.wait) return 0;
  for (;;) {
    const plan = await api.get<Row & { progress: Row }>(`${path}/${id}`);
    if (plan['state'] !== 'applying') {
      const { done, failed, cancelled } = plan.progress;
      tell(`${String(plan['state'])}: ${String(done)} runs in line, ${String(failed)} failed, ${String(cancelled)} cancelled`);
      return plan['state'] === 'done' && Number(failed) === 0 ? 0 : 1;
    }
    await sleep(500);
  }
}

function bodyOf(options: RerunOptions): Record<string, unknown> {
  return {
    run_ids: options.run, from_date: options.from, to_date: options.to, run_states: options.state, partition_keys: options.partition, task_ids: options.task, include_upstream: options.upstream === true,
    include_downstream: options.downstream === true, only_failed: options.onlyFailed === true, order: options.newestFirst === true ? 'newest_first' : 'oldest_first', max_active_runs: options.maxActiveRuns,
    conf: options.conf, version: options.latest === true ? 'latest' : 'original', inputs: (options.input ?? []).map(inputOf), note: options.note,
  };
}

/** `task=json`, or `task:key=json`. */
function inputOf(text: string): Record<string, unknown> {
  const at = text.indexOf('=');
  const [taskId, key = 'return_value'] = (at < 0 ? '' : text.slice(0, at)).split(':');
  try {
    if (!taskId) throw new Error('no task');
    return { task_id: taskId, key, value: JSON.parse(text.slice(at + 1)) as unknown };
  } catch {
    throw new MillraceError('bad_request', `--input ${JSON.stringify(text)}: write task=json, e.g. extract='{"rows": 3}', or task:key=json`);
  }
}
