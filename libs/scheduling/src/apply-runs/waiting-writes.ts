import type { InstanceId } from '@millrace/vocabulary';
import type { CachedRun } from '../run-cache/run-cache.js';
import type { AfterCommit, WritesInProgress } from './decision-writes.js';
import type { RunInput } from './inputs.js';

/** What an event that was heeded writes about waiting. @returns how many instances began to wait: 0 or 1. */
export function addWait(writes: WritesInProgress, after: AfterCommit, entry: CachedRun, input: RunInput): number {
  const { event } = input;
  const runId = entry.row.id;
  switch (event.type) {
    case 'finished': {
      // It failed by what its work on another platform said, if there was some that had ended: another try starts other work.
      if (event.outcome === 'failed' && isExternal(entry, event.instanceId)) writes.workSettled.push({ instanceId: event.instanceId, onlyEnded: true });
      if (event.outcome !== 'deferred' && event.outcome !== 'rescheduled' && event.outcome !== 'awaiting_input') return 0;
      const instance = entry.run.instances.get(event.instanceId);
      // Cleared or marked meanwhile: it asked to wait, and does not.
      const waits = instance?.state === 'deferred' || instance?.state === 'up_for_reschedule' || instance?.state === 'awaiting_input';
      if (instance === undefined || !waits) return 0;
      writes.waits.push({ runId, instanceId: instance.id, attemptSeq: instance.attemptSeq, giveUpAtMs: event.giveUp?.atMs ?? null });
      const question = input.completion?.question ?? null;
      if (question !== null) writes.questions.push({ ...question, runId, instanceId: instance.id, tryNumber: instance.tryNumber });
      if ((input.completion?.facts?.correlationKey ?? null) !== null) after.listening.push(instance.id);
      return 1;
    }
    case 'resumed':
      writes.resumes.push({ runId, instanceId: event.instanceId, by: 'event', signalId: input.signalId ?? null });
      return 0;
    case 'timer':
      if (event.kind === 'give_up_resume') writes.resumes.push({ runId, instanceId: event.instanceId, by: 'timeout', signalId: null });
      return 0;
    case 'cleared':
      writes.waitsForgotten.push(...event.instanceIds);
      if (entry.run.plan.hasExternal) writes.workSettled.push(...event.instanceIds.filter((id) => isExternal(entry, id)).map((instanceId) => ({ instanceId, onlyEnded: false })));
      return 0;
    default:
      return 0;
  }
}

/** JSON of what the task that makes the run's result returned, when it ended with these events; null: it did not. */
export function resultIn(entry: CachedRun, inputs: readonly RunInput[], ignored: ReadonlySet<number>): string | null {
  if (entry.resultTask === null) return null;
  let result: string | null = null;
  for (const [index, { event, completion }] of inputs.entries()) {
    if (ignored.has(index) || event.type !== 'finished' || event.outcome !== 'success' || completion === undefined) continue;
    const instance = entry.run.instances.get(event.instanceId);
    if (instance?.task !== entry.resultTask || instance.indexPath.length > 0) continue;
    result = completion.xcoms.find((xcom) => xcom.key === 'return_value')?.json ?? 'null';
  }
  return result;
}

function isExternal(entry: CachedRun, instanceId: InstanceId): boolean {
  const task = entry.run.instances.get(instanceId)?.task;
  return task !== undefined && entry.run.plan.tasks[task]?.external === true;
}
