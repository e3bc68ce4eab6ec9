import type { IndexPath, InstanceId } from '@millrace/vocabulary';
import type { PlanTask } from '../graph/plan.js';
import { derivedUuid } from '../identity/derived-uuid.js';
import type { Instance, Run, StoredInstance, UpstreamCounts } from './run.js';

/** An undecided instance; its id follows from run, task and path, so that a replay finds the same. */
export function newInstance(run: Run, task: PlanTask, indexPath: IndexPath): Instance {
  const id = derivedUuid(run.book.createdAtMs, `${run.id}/${task.taskId}/${indexPath.join('.')}`) as InstanceId;
  return instanceFrom(task, { ...UNDECIDED, id, taskId: task.taskId, indexPath, maxTries: task.retries });
}

const UNDECIDED = {
  state: null,
  tryNumber: 0,
  freeTries: 0,
  attemptId: null,
  attemptSeq: 0,
  scheduledAtMs: null,
  queuedAtMs: null,
  endedAtMs: null,
  reason: null,
  expandedTo: null,
  lengths: null,
} as const;

/** Field by field, and the same way whether made or loaded: objects of one shape are what keeps an event at microseconds. */
export function instanceFrom(task: PlanTask, row: StoredInstance): Instance {
  return {
    id: row.id,
    task: task.position,
    indexPath: row.indexPath,
    state: row.state,
    tryNumber: row.tryNumber,
    maxTries: row.maxTries,
    freeTries: row.freeTries,
    attemptId: row.attemptId,
    attemptSeq: row.attemptSeq,
    scheduledAtMs: row.scheduledAtMs,
    queuedAtMs: row.queuedAtMs,
    endedAtMs: row.endedAtMs,
    reason: row.reason,
    expandedTo: row.expandedTo,
    lengths: row.lengths,
    slotsAskedAtMs: row.slotsAskedAtMs ?? null,
    upstream: noCounts(),
    setups: task.setups.length > 0 ? noCounts() : null,
  };
}

export function inOrder(a: Instance, b: Instance): number {
  if (a.task !== b.task) return a.task - b.task;
  const differing = a.indexPath.findIndex((index, i) => index !== b.indexPath[i]);
  return differing < 0 ? a.indexPath.length - b.indexPath.length : (a.indexPath[differing] ?? 0) - (b.indexPath[differing] ?? -1);
}

function noCounts(): UpstreamCounts {
  return { total: 0, success: 0, failed: 0, skipped: 0, upstreamFailed: 0, removed: 0 };
}
