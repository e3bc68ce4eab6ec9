import { isFinished } from '@millrace/vocabulary';
import type { Run } from '../run/run.js';
import type { Reason } from './reasons.js';
import { many, reason, timeText } from './reasons.js';

/** What stands around a run: read when somebody asks. */
export interface RunWhyFacts {
  readonly nowMs: number;
  readonly dagId: string;
  readonly runAfterMs: number;
  readonly quarantined: string | null;
  readonly dagPaused: boolean;
  readonly running: number;
  readonly limit: number;
  readonly backfill: { readonly id: number; readonly paused: boolean; readonly running: number; readonly limit: number } | null;
  /** The failed run that holds the dag. */
  readonly heldBy: string | null;
}

/** What a run waits for: never empty. */
export function whyRun(run: Run, facts: RunWhyFacts): Reason[] {
  if (run.state === 'success' || run.state === 'failed') return [reason('finished', { state: run.state }, `it has ended: ${run.state}${run.reason === null ? '' : ` (${run.reason})`}`)];
  const found: Reason[] = [];
  if (facts.quarantined !== null) found.push(reason('run_quarantined', { reason: facts.quarantined }, `it was set aside because it could not be applied: ${facts.quarantined}`));
  if (run.state === 'queued') found.push(...inLine(facts));
  else if (run.control.retryAtMs !== null) found.push(reason('run_retry_at', { atMs: run.control.retryAtMs }, run.reason ?? `its failed tasks run again at ${timeText(run.control.retryAtMs)}`));
  else found.push(tasks(run));
  return found;
}

/** Why a run that waits in line is not started. */
export function inLine(facts: RunWhyFacts): Reason[] {
  const { dagId, backfill } = facts;
  const found: Reason[] = [];
  if (facts.dagPaused) found.push(reason('dag_paused', { dagId }, `dag ${dagId} is paused: it starts nothing`));
  if (facts.heldBy !== null) found.push(reason('held', { byRunId: facts.heldBy }, `run ${facts.heldBy} failed, and the dag holds after a failure: release the dag, or mend that run`));
  if (facts.runAfterMs > facts.nowMs) found.push(reason('not_before', { atMs: facts.runAfterMs }, `it is not to start before ${timeText(facts.runAfterMs)}`));
  if (backfill === null && facts.running >= facts.limit) found.push(reason('max_active_runs', { limit: facts.limit, running: facts.running }, `${many(facts.running, 'run')} of dag ${dagId} ${facts.running === 1 ? 'is' : 'are'} running, and maxActiveRuns is ${facts.limit}`));
  if (backfill !== null) {
    if (backfill.paused) found.push(reason('backfill_paused', { backfillId: backfill.id }, `its backfill ${backfill.id} is paused`));
    if (backfill.running >= backfill.limit) found.push(reason('backfill_limit', { backfillId: backfill.id, limit: backfill.limit, running: backfill.running }, `${many(backfill.running, 'run')} of its backfill ${backfill.id} ${backfill.running === 1 ? 'is' : 'are'} running, and it may have ${backfill.limit}`));
  }
  return found.length > 0 ? found : [reason('to_be_decided', {}, 'nothing holds it up: a scheduler starts it within a second, if one runs')];
}

function tasks(run: Run): Reason {
  const byState: Record<string, number> = {};
  let unfinished = 0;
  for (const { state } of run.instances.values()) {
    if (isFinished(state)) continue;
    unfinished++;
    byState[state ?? 'none'] = (byState[state ?? 'none'] ?? 0) + 1;
  }
  const list = Object.entries(byState).map(([state, count]) => `${count} ${state}`).join(', ');
  return reason('tasks', { unfinished, byState }, unfinished === 0 ? 'all its tasks have ended: it ends with the next decision' : `${many(unfinished, 'task instance')} of it ${unfinished === 1 ? 'is' : 'are'} not done: ${list}`);
}
