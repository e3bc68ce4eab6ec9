import { randomUUID } from 'node:crypto';
import type { Decision, Instance, PlanTask, Room, Run, RunEvent } from '@millrace/engine';
import { MAP_LENGTH_MAX, markClaimed, mayStopOthers } from '@millrace/engine';
import type { executionProto } from '@millrace/contracts';
import type { CreatedInstanceWrite, DecisionWrites, InstanceWrite, SlotAskWrite, SlotWrites, TimerWrite, WriteKind } from '@millrace/persistence';
import { uuidV7From } from '@millrace/vocabulary';
import type { AttemptId, ClaimToken, InstanceId, SessionId } from '@millrace/vocabulary';
import { makeGrant } from '../claims/make-grant.js';
import type { ReadyAttempt } from '../dispatch/dispatcher.js';
import type { QueueTeams } from '../placement/queue-teams.js';
import type { CachedRun } from '../run-cache/run-cache.js';
import type { RunInput } from './inputs.js';
import { addWait, resultIn } from './waiting-writes.js';

type Mutable<T> = { -readonly [K in keyof T]: T[K] extends readonly (infer Item)[] ? Item[] : T[K] };
export type WritesInProgress = Mutable<Omit<DecisionWrites, 'slots'>> & { slots: Mutable<SlotWrites> };

export function emptyWrites(): WritesInProgress {
  return { runs: [], instances: [], created: [], xcoms: [], superseded: [], timers: [], spentTimers: [], spentEvents: [], timersOfEnded: [], checks: [], audits: [], outbox: [], waits: [], resumes: [], questions: [], waitsOver: [], waitsForgotten: [], workSettled: [], slots: { asks: [], kept: [], givenBack: [] } };
}

/** What is done for a run once its decision is committed. */
export interface AfterCommit {
  readonly ready: ReadyAttempt[];
  readonly cancels: { readonly instanceId: InstanceId; readonly attemptId: AttemptId; readonly reason: string }[];
  readonly timers: TimerWrite[];
  readonly finished: 'success' | 'failed' | null;
  /** Instances that began to wait for a key with it: what they wait for may have been reported already. */
  readonly listening: InstanceId[];
  /** Instances that began to wait. */
  readonly waits: number;
  /** Effects that were written down with it and are to be carried out. */
  readonly owed: number;
  /** How many tries came to which state by it: their ends, and what waits for a retry, a time or an event. */
  readonly ended: Map<string, number>;
  /** Slots counted over all runs were asked for or given back: who waits for some is to be looked at. */
  readonly movedSlots: boolean;
  /** By input index: the successor its worker goes on with. */
  readonly next: Map<number, executionProto.Grant>;
  readonly claimed: { readonly instanceId: InstanceId; readonly attemptId: AttemptId; readonly token: ClaimToken; readonly sessionId: SessionId }[];
}

export interface DecisionOptions {
  readonly home: string;
  readonly continuation: boolean;
  /** Claims this decision rests on, for the replay; see {@link claimsBefore}. */
  readonly claims: readonly RunEvent[];
  /** As given to `decide`. */
  readonly room: Room;
  /** Whose dags may use a queue; left out where no worker goes on with anything. */
  readonly queueTeams?: QueueTeams | undefined;
}

/**
 * Claims are rows of their own and no version of the run. Where an event's meaning depends on who had started, what was known
 * of that is recorded in front of it, so that a replay decides the same. Ask before deciding.
 */
export function claimsBefore(run: Run, events: readonly RunEvent[]): RunEvent[] {
  const matters = events.some((event) => mayStopOthers(run, event) || event.type === 'lost' || event.type === 'cleared' || event.type === 'marked' || event.type === 'run_marked' || (event.type === 'timer' && event.kind === 'run_timeout'));
  if (!matters) return [];
  const claims: RunEvent[] = [];
  for (const instance of run.instances.values()) {
    if (instance.state === 'running' && instance.attemptId !== null) claims.push({ type: 'claimed', instanceId: instance.id, attemptId: instance.attemptId });
  }
  return claims;
}

/**
 * Turns one run's decision into rows and into what follows the commit. Successors go to workers that just completed something
 * of the run and would take more: claimed here and now, so that a chain needs neither the broker nor a second commit.
 */
export function addDecision(writes: WritesInProgress, entry: CachedRun, inputs: readonly RunInput[], decision: Decision, nowMs: number, options: DecisionOptions): AfterCommit {
  const { home, continuation, claims: heard, room, queueTeams } = options;
  const { row, run } = entry;
  const ignored = new Set(decision.ignored.map((item) => item.event));
  const dispatched = new Map<InstanceId, { instance: Instance; attemptId: AttemptId }>();
  for (const effect of decision.effects) if (effect.type === 'dispatch') dispatched.set(effect.instance.id, effect);

  const claims = new Map<InstanceId, { token: ClaimToken; sessionId: SessionId; workerName: string }>();
  const after: AfterCommit = { ready: [], cancels: [], timers: [], finished: null, listening: [], waits: 0, owed: 0, movedSlots: false, ended: new Map(), next: new Map(), claimed: [] };
  // A run that is for one worker is only ever claimed, where its worker is known.
  if (continuation && dispatched.size > 0 && run.plan.placement === 'any') {
    // First dispatches only: a later one may have something stored to resume with, which only a claim reads.
    const open = [...dispatched.values()].filter(({ instance }) => instance.attemptSeq === 1);
    let from = 0;
    for (const [index, input] of inputs.entries()) {
      const taker = input.completion?.taker;
      if (!taker || ignored.has(index)) continue;
      while (from < open.length && claims.has(open[from]!.instance.id)) from++;
      const ended = input.completion!.onlySuccessor ? run.instances.get(input.completion!.instanceId) : undefined;
      const successors = ended === undefined ? null : run.plan.tasks[ended.task]!.downstreamTasks;
      for (let i = from; i < open.length; i++) {
        const { instance, attemptId } = open[i]!;
        const task = run.plan.tasks[instance.task]!;
        if (claims.has(instance.id) || !taker.queues.has(task.queue) || queueTeams?.mayUse(task.queue, row.team) === false || (successors !== null && !successors.includes(instance.task))) continue;
        const token = randomUUID() as string as ClaimToken;
        claims.set(instance.id, { token, sessionId: taker.sessionId, workerName: taker.workerName });
        markClaimed(run, instance.id, attemptId);
        after.claimed.push({ instanceId: instance.id, attemptId, token, sessionId: taker.sessionId });
        after.next.set(
          index,
          makeGrant(row, task, entry.taskParams, { instanceId: instance.id, attemptId, token, indexPath: instance.indexPath, tryNumber: instance.tryNumber, maxTries: instance.maxTries, resumeJson: null, wait: null, startMs: nowMs, generation: 0 }, home),
        );
        break;
      }
    }
  }

  writes.runs.push({
    id: row.id,
    expectedVersion: entry.version,
    state: decision.run.state,
    startedAtMs: decision.run.startedAtMs,
    endedAtMs: decision.run.endedAtMs,
    reason: decision.run.reason,
    activeInstances: decision.run.activeInstances,
    resultJson: resultIn(entry, inputs, ignored),
    control: decision.run.control,
    cleared: inputs.some((input, index) => input.event.type === 'cleared' && !ignored.has(index)),
    decidedOnJson: JSON.stringify({ now: nowMs, ...recordOf(room), events: [...heard, ...inputs.map((input) => input.event)] satisfies readonly RunEvent[] }),
  });

  let waitsBegun = 0;
  const completions = new Map<InstanceId, RunInput['completion']>();
  for (const [index, input] of inputs.entries()) {
    const { completion } = input;
    if (input.timerId !== undefined) writes.spentTimers.push({ id: input.timerId, runId: row.id });
    if (input.audit !== undefined && !ignored.has(index)) writes.audits.push({ runId: row.id, ...input.audit });
    if (input.runEventId !== undefined) writes.spentEvents.push({ id: input.runEventId, runId: row.id });
    if (!ignored.has(index)) waitsBegun += addWait(writes, after, entry, input);
    if (completion === undefined || ignored.has(index)) continue;
    completions.set(completion.instanceId, completion);
    if (!completion.claimKnown) writes.checks.push({ runId: row.id, instanceId: completion.instanceId, attemptId: completion.attemptId, claimToken: completion.claimToken });
    if (completion.xcoms.length === 0) continue;
    const tryNumber = tryOf(entry, completion.instanceId, completion.attemptId);
    for (const xcom of completion.xcoms) writes.xcoms.push({ instanceId: completion.instanceId, attemptId: completion.attemptId, tryNumber, key: xcom.key, json: xcom.json });
  }

  for (const instance of decision.created) {
    const kind = kindOf(instance);
    if (kind === 0) tell(instance.state);
    writes.created.push(createdWrite(entry, instance, kind, claims.get(instance.id) ?? null));
  }
  for (const { instance, superseded } of decision.changed) {
    const kind = kindOf(instance);
    if (kind === 0) tell(instance.state);
    writes.instances.push({ ...instanceWrite(entry, instance, kind, claims.get(instance.id) ?? null, completions.get(instance.id)?.indexName ?? null), facts: kind === 0 ? (completions.get(instance.id)?.facts ?? null) : null });
    if (superseded !== null) tell(superseded.endedAs);
    if (superseded !== null) writes.superseded.push({ instanceId: instance.id, runId: row.id, endedAs: superseded.endedAs, reason: superseded.reason });
  }

  let finished: AfterCommit['finished'] = null;
  let owed = 0;
  let movedSlots = false;
  for (const effect of decision.effects) {
    switch (effect.type) {
      case 'dispatch':
        if (!claims.has(effect.instance.id)) after.ready.push({ queue: run.plan.tasks[effect.instance.task]!.queue, instanceId: effect.instance.id, attemptId: effect.attemptId });
        break;
      case 'cancel':
        after.cancels.push(effect);
        break;
      case 'timer':
        after.timers.push({ id: rowId(nowMs), runId: row.id, instanceId: effect.instanceId, kind: effect.kind, dueAtMs: effect.dueAtMs, attemptSeq: effect.attemptSeq });
        break;
      case 'wait_over':
        writes.waitsOver.push(effect.instanceId);
        break;
      case 'outbox':
        owed++;
        writes.outbox.push({ id: rowId(nowMs), runId: row.id, instanceId: effect.instanceId, kind: effect.kind, payloadJson: JSON.stringify(effect.payload) });
        break;
      case 'slots':
        movedSlots = true;
        if (effect.wish === 'keep') writes.slots.kept.push(effect.instance.id);
        else if (effect.wish === 'give_back') writes.slots.givenBack.push(effect.instance.id);
        else writes.slots.asks.push(askWrite(entry, effect.instance));
        break;
      case 'run_finished':
        finished = effect.state;
        if (run.plan.dagrunTimeoutSeconds !== null || run.plan.runRetries > 0) writes.timersOfEnded.push(row.id);
        break;
      default:
        effect satisfies never;
    }
  }
  writes.timers.push(...after.timers);
  return { ...after, finished, owed, movedSlots, waits: waitsBegun };

  function tell(state: string | null): void {
    if (state !== null && state !== 'restarting') after.ended.set(state, (after.ended.get(state) ?? 0) + 1);
  }

  function kindOf(instance: Instance): WriteKind {
    if (claims.has(instance.id)) return 2;
    if (dispatched.has(instance.id)) return 1;
    return instance.attemptId === null && (instance.state === null || instance.state === 'scheduled') ? 3 : 0;
  }
}

function recordOf({ window, isDefaultPoolCounted, maxMapLength }: Room): { window?: Room['window']; counted?: true; maxMapLength?: number } {
  return { ...(window === Number.MAX_SAFE_INTEGER ? {} : { window }), ...(isDefaultPoolCounted ? { counted: true } : {}), ...(maxMapLength === undefined || maxMapLength === MAP_LENGTH_MAX ? {} : { maxMapLength }) };
}

function askWrite({ row, run }: CachedRun, instance: Instance): SlotAskWrite {
  const task = run.plan.tasks[instance.task]!;
  return {
    instanceId: instance.id,
    runId: row.id,
    dagId: row.dagId,
    taskId: task.taskId,
    pool: task.pool,
    slots: task.poolSlots,
    priority: task.effectivePriority,
    orderMs: row.logicalDateMs ?? row.runAfterMs,
    team: row.team,
    share: shareOf(row),
    maxPerTask: task.maxActivePerDag,
    maxPerDag: run.plan.maxActiveTasksPerDag,
    askedAtMs: instance.slotsAskedAtMs ?? 0,
  };
}

/** Whom a run is for, where dags of one priority take turns: its backfill, else its dag. */
export function shareOf(row: CachedRun['row']): string {
  return row.backfillId === null ? `dag:${row.dagId}` : `backfill:${row.backfillId}`;
}

/** The try an ended attempt was: the instance's, unless the same decision already began another. */
function tryOf(entry: CachedRun, instanceId: InstanceId, attemptId: AttemptId): number {
  const instance = entry.run.instances.get(instanceId);
  if (instance === undefined) return 0;
  return instance.attemptId === null || instance.attemptId === attemptId ? instance.tryNumber : instance.tryNumber - 1;
}

function instanceWrite(entry: CachedRun, instance: Instance, kind: WriteKind, claim: InstanceWrite['claim'], indexName: string | null = null): Omit<InstanceWrite, 'facts'> {
  return {
    id: instance.id,
    runId: entry.row.id,
    kind,
    state: instance.state,
    tryNumber: instance.tryNumber,
    maxTries: instance.maxTries,
    freeTries: instance.freeTries,
    attemptId: instance.attemptId,
    attemptSeq: instance.attemptSeq,
    scheduledAtMs: instance.scheduledAtMs,
    endedAtMs: instance.endedAtMs,
    reason: instance.reason,
    mapping: mappingOf(entry.run.plan.tasks[instance.task], instance, indexName),
    claim,
  };
}

function mappingOf(task: PlanTask | undefined, instance: Instance, indexName: string | null): InstanceWrite['mapping'] {
  if (task?.mapping == null || (task.dims.length === 0 && task.mapping.measuredKeys === null)) return undefined;
  return { expandedTo: instance.expandedTo, lengthsJson: instance.lengths === null ? null : JSON.stringify(instance.lengths), indexName };
}

function createdWrite(entry: CachedRun, instance: Instance, kind: WriteKind, claim: InstanceWrite['claim']): CreatedInstanceWrite {
  const task = entry.run.plan.tasks[instance.task]!;
  return {
    ...instanceWrite(entry, instance, kind, claim),
    facts: null,
    dagId: entry.row.dagId,
    runName: entry.row.runId,
    taskId: task.taskId,
    indexPath: instance.indexPath,
    queue: task.queue,
    pool: task.pool,
    poolSlots: task.poolSlots,
    priorityWeight: task.effectivePriority,
    operator: task.operator,
    owner: task.owner,
  };
}

function rowId(nowMs: number): string {
  return uuidV7From(nowMs, randomBytes10());
}

function randomBytes10(): Uint8Array {
  return Buffer.from(randomUUID().replaceAll('-', '').slice(0, 20), 'hex');
}
