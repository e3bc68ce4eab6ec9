import type { InstanceId, RunId } from '@millrace/vocabulary';
import type { Plan } from '../graph/plan.js';
import type { Decision } from '../run/decision.js';
import type { RunEvent } from '../run/events.js';
import { SlotTable } from './slot-table.js';
import type { Instance, Run, RunFacts, StoredInstance } from '../run/run.js';

/** The tables as far as a run is concerned: rows are copies, a commit is all or nothing and only on the version decided on. */
export class Store {
  version = 0;
  facts: RunFacts;
  readonly rows = new Map<InstanceId, StoredInstance>();
  readonly slots = new SlotTable();
  /** What each version was decided on. */
  readonly log: { readonly events: readonly RunEvent[]; readonly nowMs: number }[] = [];

  constructor(createdAtMs: number, paused: boolean, taskSelection: readonly string[] | null, readonly plan: Plan) {
    this.facts = {
      id: '01890000-0000-7000-8000-00000000abcd' as RunId, createdAtMs, state: 'queued', paused,
      startedAtMs: null, endedAtMs: null, reason: null, taskSelection,
    };
  }

  /** @returns false, and nothing written, when another decision came first. */
  commit(onVersion: number, run: Run, events: readonly RunEvent[], nowMs: number, decision: Decision): boolean {
    if (onVersion !== this.version) return false;
    this.version += 1;
    this.log.push({ events, nowMs });
    for (const instance of decision.created) this.rows.set(instance.id, rowOf(this.plan, instance));
    for (const { instance } of decision.changed) this.rows.set(instance.id, rowOf(this.plan, instance));
    for (const effect of decision.effects) {
      const row = effect.type === 'slots' ? this.rows.get(effect.instance.id) : undefined;
      if (row === undefined || effect.type !== 'slots') continue;
      this.rows.set(row.id, { ...row, slotsAskedAtMs: effect.instance.slotsAskedAtMs });
      this.slots.told(effect.instance, effect.wish);
    }
    const { state, startedAtMs, endedAtMs, reason } = decision.run;
    this.facts = { ...this.facts, state, startedAtMs, endedAtMs, reason, paused: run.paused };
    return true;
  }
}

export function rowOf(plan: Plan, instance: Instance): StoredInstance {
  const { id, task, indexPath, state, tryNumber, maxTries, freeTries, attemptId, attemptSeq, scheduledAtMs, queuedAtMs, endedAtMs, reason, expandedTo, lengths, slotsAskedAtMs } = instance;
  const taskId = plan.tasks[task]?.taskId ?? '';
  return { id, taskId, indexPath, state, tryNumber, maxTries, freeTries, attemptId, attemptSeq, scheduledAtMs, queuedAtMs, endedAtMs, reason, expandedTo, lengths, slotsAskedAtMs };
}
