import { compilePlan, createRun, decide, type PlanSource, type RunEvent } from '@millrace/engine';
import type { RunId } from '@millrace/vocabulary';
import { nameOf, type Observed } from '../observed.js';

/** Replaying what each version of a run was decided on gives the stored state: ids, tries, states. Only for runs that are over, whose claims no longer matter. */
export function checkReplay({ runs, instances, decisions, sources }: Observed): string[] {
  return runs.filter((run) => run.state === 'success' || run.state === 'failed').flatMap((run) => {
    const steps = decisions.get(run.id) ?? [];
    const missing = steps.findIndex((step, i) => step.version !== i + 1);
    if (missing >= 0 || steps.length !== run.version) return [`${nameOf(run)} is at version ${run.version}, and ${steps.length} decisions are kept${missing < 0 ? '' : ` with a gap before version ${steps[missing]?.version}`}`];
    // Moved to another version, or instances deleted, after its end: from there on the rows are what counts.
    if (steps.some((step) => step.refitted)) return [];
    const compiled = compilePlan(sources.get(run.versionId) as PlanSource);
    if (!compiled.ok) return [`${nameOf(run)} has a dag version that makes no plan`];
    const again = createRun(compiled.plan, {
      id: run.id as RunId, createdAtMs: run.createdAt, state: 'queued', paused: false, startedAtMs: null, endedAtMs: null, reason: null, taskSelection: run.taskSelection,
    });
    for (const step of steps) decide(again, step.events as RunEvent[], step.now, { window: step.window ?? Number.MAX_SAFE_INTEGER, isDefaultPoolCounted: step.counted === 'true', ...(step.maxMapLength == null ? {} : { maxMapLength: step.maxMapLength }) });
    const found: string[] = [];
    if (again.state !== run.state) found.push(`${nameOf(run)} is ${run.state}, its replay ends ${again.state}`);
    for (const row of instances.filter((instance) => instance.dagRunId === run.id)) {
      const replayed = again.instances.get(row.instanceId as never);
      if (replayed === undefined) found.push(`${nameOf(row)} (${row.instanceId}) does not come up in the replay`);
      else if (replayed.state !== row.state || replayed.tryNumber !== row.tryNumber || replayed.attemptId !== row.attemptId) {
        found.push(`${nameOf(row)} is ${row.state} at try ${row.tryNumber} (${row.attemptId}), its replay ${replayed.state} at try ${replayed.tryNumber} (${replayed.attemptId})`);
      }
    }
    return found;
  });
}
