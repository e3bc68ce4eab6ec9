import { compilePlan, createRun, decide, type PlanSource, type RunEvent } from '@millrace/engine';
import type { RunId } from '@millrace/vocabulary';
import { describe, expect, it } from 'vitest';
import { checkPromises } from './check.js';
import { attemptsOf, type LedgerLine } from './ledger.js';
import type { Observed, ObservedDecision, ObservedTry } from './observed.js';

/** Each row plants one violation into a lawful observation; a checker that lets it pass is worth nothing. */
const PLANTS: readonly { promise: number; name: string; plant: (observed: Mutable) => void; says: RegExp }[] = [
  { promise: 1, name: 'a trigger answered with success and forgotten', plant: (o) => o.journal.push({ action: 'trigger', dagId: 'etl', runId: 'lost', answer: 'done', detail: '' }), says: /etl\/lost was answered with success, and there are 0 runs/ },
  { promise: 1, name: 'two runs of one trigger', plant: (o) => o.runs.push({ ...o.runs[0]!, id: 'r2' }), says: /there are 2 runs/ },
  { promise: 1, name: 'a run nobody asked for', plant: (o) => o.journal.splice(0), says: /nobody triggered/ },
  { promise: 1, name: 'a trigger that was refused and made a run', plant: (o) => o.journal.splice(0, 1, { ...o.journal[0]!, answer: 'refused' }), says: /nobody triggered/ },
  { promise: 2, name: 'a run that never ends', plant: (o) => { o.runs[0]!.state = 'running'; }, says: /still running/ },
  { promise: 2, name: 'a task without an instance', plant: (o) => o.instances.pop(), says: /without an instance of load/ },
  { promise: 2, name: 'an instance stuck in an ended run', plant: (o) => { o.instances[1]!.state = 'queued'; }, says: /queued in a run that is success/ },
  { promise: 2, name: 'a quarantined run', plant: (o) => { o.runs[0]!.quarantined = true; }, says: /quarantined/ },
  { promise: 3, name: 'an attempt started twice', plant: (o) => o.ledger.splice(1, 0, { ...o.ledger[0]!, pid: 99, ns: '11' }), says: /started 2 times/ },
  { promise: 4, name: 'a start without a claim', plant: (o) => { o.history[0]!.claimToken = null; }, says: /no claim of it/ },
  { promise: 4, name: 'a start of an attempt the database never had', plant: (o) => { o.history[0]!.attemptId = 'other'; }, says: /no claim of it/ },
  { promise: 5, name: 'an overlap history does not know', plant: (o) => { o.history.splice(0); }, says: /history does not have the earlier/ },
  { promise: 5, name: 'a lost attempt recorded after the next was claimed', plant: (o) => { o.history[0]!.recordedAt = 9_000; }, says: /only \d+ ms after that claim/ },
  { promise: 5, name: 'an overlap with an attempt called a success', plant: (o) => { o.history[0]!.state = 'success'; }, says: /calls the earlier one a success/ },
  { promise: 6, name: 'a success of an attempt that did not end', plant: (o) => o.ledger.splice(2, 1), says: /has no good end in the ledger/ },
  { promise: 6, name: 'a success credited to another attempt', plant: (o) => { o.instances[0]!.attemptId = STORY.a1; }, says: /has no good end/ },
  { promise: 6, name: 'a good end the database forgot', plant: (o) => { o.instances[1]!.state = 'failed'; }, says: /ended well by the ledger, and the database says failed/ },
  { promise: 7, name: 'a child that started before its parent ended', plant: (o) => { o.ledger[3]!.ns = '35'; }, says: /"load".* started before its parent extract/ },
  { promise: 8, name: 'more tries than the budget', plant: (o) => { o.instances[0]!.tryNumber = 5; }, says: /is at try 5, its budget is 3/ },
  { promise: 8, name: 'more failures than retries', plant: (o) => { for (const n of [1, 2, 3]) o.history.push({ ...o.history[0]!, attemptId: `f${n}`, tryNumber: n, state: 'failed', reason: 'boom' }); }, says: /failed 3 times with 1 retries/ },
  { promise: 8, name: 'an attempt id used for two tries', plant: (o) => { o.history[0]!.attemptId = STORY.a2; }, says: /one attempt id for two tries/ },
  { promise: 9, name: 'a pool with too many at once', plant: (o) => { o.pools[0]!.slots = 0; }, says: /pool small: 1 at once, the limit is 0/ },
  { promise: 9, name: 'a worker with too many at once', plant: (o) => { o.sessions[0]!.slots = 0; }, says: /worker w1 .*: 1 at once/ },
  { promise: 9, name: 'a run with too many at once', plant: (o) => { o.ledger[3]!.ns = '25'; }, says: /run etl\/run: 2 at once, the limit is 1/ },
  { promise: 10, name: 'two runs of one logical date', plant: (o) => o.runs.push({ ...o.runs[1]!, id: 'twin', runId: 'twin' }), says: /2 runs for cron/ },
  { promise: 10, name: 'a tick without a run', plant: (o) => { o.ticks[0]!.until = 3_000; }, says: /no run for the tick 1970-01-01T00:00:03/ },
  { promise: 10, name: 'a run between two ticks', plant: (o) => { o.runs[1]!.logicalDate = 1_500; }, says: /which is no tick/ },
  { promise: 11, name: 'a stored state the events do not give', plant: (o) => { o.instances[1]!.state = 'failed'; }, says: /load is failed at try 1 .*, its replay success/ },
  { promise: 11, name: 'an attempt id the events do not give', plant: (o) => { o.instances[0]!.attemptId = 'made-up'; }, says: /extract is success at try 2 \(made-up\), its replay success/ },
  { promise: 11, name: 'a decision that was not kept', plant: (o) => { decisionsOf(o).splice(1, 1); }, says: /at version 4, and 3 decisions are kept with a gap/ },
  { promise: 11, name: 'a decision made on other events', plant: (o) => { decisionsOf(o).splice(3, 1, { version: 4, now: 3_400, events: [] }); }, says: /is success, its replay ends running/ },
  { promise: 12, name: 'an event nobody applied', plant: (o) => { o.leftovers.unappliedEvents = 1; }, says: /1 events of runs/ },
  { promise: 12, name: 'a timer of a run that is over', plant: (o) => { o.leftovers.staleTimers = 2; }, says: /2 timers/ },
  { promise: 12, name: 'a dead letter', plant: (o) => { o.leftovers.deadLetters = 1; }, says: /1 dead letters/ },
  { promise: 12, name: 'a message nobody takes', plant: (o) => { o.leftovers.queuedMessages = 3; }, says: /3 messages wait/ },
  { promise: 12, name: 'an effect that was not carried out', plant: (o) => { o.leftovers.owedEffects = 1; }, says: /1 effects/ },
  { promise: 12, name: 'a callback nobody was told', plant: (o) => { o.leftovers.openCallbacks = 1; }, says: /1 callbacks/ },
  { promise: 13, name: 'an action the audit log does not know', plant: (o) => { o.audits.splice(0); }, says: /trigger of etl\/run .* audit log does not know/ },
  { promise: 15, name: 'an asset event that was lost', plant: (o) => { o.assetEvents.splice(0); }, says: /load is success, and asset table has 0 events/ },
  { promise: 15, name: 'an asset event that came twice', plant: (o) => { o.assetEvents.push({ ...o.assetEvents[0]!, id: '2' }); }, says: /asset table has 2 events/ },
  { promise: 15, name: 'an asset event of a task that failed', plant: (o) => { o.instances[1]!.state = 'failed'; }, says: /load is failed, and asset table has 1 events/ },
  { promise: 15, name: 'an event no run took', plant: (o) => { o.assetEvents[0]!.consumedBy = []; }, says: /is in 0 runs/ },
  { promise: 15, name: 'an event two runs took', plant: (o) => { o.assetEvents[0]!.consumedBy = ['cron', 'cron']; }, says: /is in 2 runs/ },
  { promise: 16, name: 'a callback that was never owed', plant: (o) => { o.callbacks.splice(0); }, says: /success of run etl\/run, which is success: 0 callbacks instead of 1/ },
  { promise: 16, name: 'a callback of something that did not happen', plant: (o) => { o.callbacks.push({ ...o.callbacks[0]!, id: 'x', taskId: 'load', kind: 'failure' }); }, says: /failure of etl\/run\/load, which is success: 1 callbacks instead of 0/ },
  { promise: 16, name: 'a callback called a success that nobody heard', plant: (o) => { o.told.splice(0); }, says: /callback cb .* nobody was told/ },
  { promise: 16, name: 'something told twice under two ids', plant: (o) => { o.told.push({ ...o.told[0]!, id: 'y' }); }, says: /callback y was told, and there is no such callback/ },
  { promise: 12, name: 'a lease without a process', plant: (o) => { o.sessions[0]!.leaseExpired = true; o.liveWorkerPids.clear(); }, says: /process is gone/ },
];

describe('the checker', () => {
  it('finds nothing in a lawful observation, lost attempt and all', () => {
    expect(checkPromises(lawful())).toEqual([]);
  });

  it.each(PLANTS)('promise $promise: catches $name', ({ promise, plant, says }) => {
    const observed = lawful();
    plant(observed);
    expect(checkPromises(observed).filter((violation) => violation.promise === promise).map((violation) => violation.text).join('\n')).toMatch(says);
  });

  it('takes an attempt without an end as open', () => {
    expect(attemptsOf(lawful().ledger).find((attempt) => attempt.attempt === STORY.a1)?.endNs).toBeNull();
  });
});

type Mutable = { -readonly [Key in keyof Observed]: Deep<Observed[Key]> };
type Deep<T> = T extends ReadonlyMap<string, unknown> ? T : T extends readonly (infer Item)[] ? { -readonly [Key in keyof Item]: Item[Key] }[] : T extends ReadonlySet<infer Item> ? Set<Item> : T extends object ? { -readonly [Key in keyof T]: T[Key] } : T;

function decisionsOf(observed: Mutable): ObservedDecision[] {
  return observed.decisions.get('r1') as ObservedDecision[];
}

/** extract was lost once and succeeded on its second try; load followed. Decided by the engine, so that the replay has something to agree with. */
const STORY = (() => {
  const task = { operator: 'Fn', triggerRule: 'all_success', retries: 1, retryDelaySeconds: 0, retryExponentialBackoff: 0, maxRetryDelaySeconds: null, retryPolicy: [], executionTimeoutSeconds: null, onLost: 'retry',
    queue: 'default', pool: 'default_pool', poolSlots: 1, priorityWeight: 1, weightRule: 'downstream', group: null, isSetup: false, isTeardown: false, onFailureFailDagRun: false, owner: 'me' } as const;
  const source: PlanSource = { dagId: 'etl', maxActiveTasks: 1, failFast: false, dagrunTimeoutSeconds: null, tasks: [{ ...task, taskId: 'extract', upstream: [] }, { ...task, taskId: 'load', upstream: ['extract'] }] };
  const compiled = compilePlan(source);
  if (!compiled.ok) throw new Error('the plan of this spec is wrong');
  const run = createRun(compiled.plan, { id: 'r1' as RunId, createdAtMs: 1_000, state: 'queued', paused: false, startedAtMs: null, endedAtMs: null, reason: null, taskSelection: null });
  const [find, decisions] = [(position: number) => [...run.instances.values()].find((instance) => instance.task === position)!, [] as { version: number; now: number; events: RunEvent[] }[]];
  const step = (...events: RunEvent[]): void => {
    const now = 3_000 + decisions.length * 100;
    decisions.push({ version: decisions.length + 1, now, events });
    decide(run, events, now);
  };
  const finished = (position: number): RunEvent => ({
    type: 'finished', instanceId: find(position).id, attemptId: find(position).attemptId!, outcome: 'success', retryable: true, error: '', resumeAtMs: null, branch: null, skipDownstream: '',
  });
  step({ type: 'started' });
  const a1 = find(0).attemptId!;
  step({ type: 'claimed', instanceId: find(0).id, attemptId: a1 }, { type: 'lost', instanceId: find(0).id, attemptId: a1, reason: 'worker w1 was lost' });
  const a2 = find(0).attemptId!;
  step(finished(0));
  const b1 = find(1).attemptId!;
  step(finished(1));
  return { source, decisions, a1, a2, b1, extract: find(0).id, load: find(1).id };
})();

/** One run of that story, and a dag without tasks that ticks every second. */
function lawful(): Mutable {
  const { a1, a2, b1 } = STORY;
  const line = (event: LedgerLine['event'], attempt: string, task: string, tryNumber: number, ns: string): LedgerLine =>
    ({ event, attempt, fence: tryNumber, dag: 'etl', run: 'run', task, index: [], try: tryNumber, pid: tryNumber, ns, ...(event === 'end' ? { ok: true } : {}) });
  const row = (taskId: 'extract' | 'load', attemptId: string, tryNumber: number, change: Partial<ObservedTry>): ObservedTry => ({
    instanceId: STORY[taskId], dagRunId: 'r1', dagId: 'etl', runId: 'run', taskId, indexPath: [], state: 'success', reason: null, tryNumber, maxTries: 2, attemptId,
    claimToken: `c-${attemptId}`, sessionId: 's1', queuedAt: 1_000, startDate: 2_000, endDate: 3_000, recordedAt: null, pool: 'small', poolSlots: 1, ...change,
  });
  const run = { versionId: 'v1', state: 'success', runType: 'manual', logicalDate: null, taskSelection: null, quarantined: false, clearNumber: 0, reason: null, createdAt: 1_000 };
  const ticks = [1_000, 2_000].map((at) => ({ ...run, id: `t${at}`, dagId: 'cron', runId: `tick-${at}`, versionId: 'v2', runType: 'scheduled', logicalDate: at, version: 1 }));
  return {
    ledger: [line('start', a1, 'extract', 1, '10'), line('start', a2, 'extract', 2, '20'), line('end', a2, 'extract', 2, '40'), line('start', b1, 'load', 1, '50'), line('end', b1, 'load', 1, '60')],
    journal: [{ action: 'trigger', dagId: 'etl', runId: 'run', answer: 'done', detail: '200' }],
    runs: [{ ...run, id: 'r1', dagId: 'etl', runId: 'run', version: 4 }, ...ticks],
    instances: [row('extract', a2, 2, { startDate: 6_000 }), row('load', b1, 1, { startDate: 7_000 })],
    history: [row('extract', a1, 1, { state: 'lost', reason: 'worker w1 was lost', recordedAt: 5_000 })],
    documents: new Map([
      ['v1', {
        maxActiveTasks: 1, callbacks: ['success'], anyOf: [],
        tasks: [
          { taskId: 'extract', upstream: [], triggerRule: 'all_success', retries: 1, mapped: false, callbacks: [], outlets: [] },
          { taskId: 'load', upstream: ['extract'], triggerRule: 'all_success', retries: 1, mapped: false, callbacks: ['failure'], outlets: ['table'] },
        ],
      }],
      ['v2', { maxActiveTasks: 1, callbacks: [], anyOf: ['table'], tasks: [] }],
    ]),
    sources: new Map([['v1', STORY.source], ['v2', { ...STORY.source, tasks: [] }]]),
    decisions: new Map<string, ObservedDecision[]>([['r1', [...STORY.decisions]], ...ticks.map(({ id }): [string, ObservedDecision[]] => [id, [{ version: 1, now: 3_000, events: [{ type: 'started' }] }]])]),
    sessions: [{ id: 's1', workerName: 'w1', pid: 7, slots: 1, state: 'active', leaseExpired: false }],
    pools: [{ name: 'small', slots: 1 }],
    audits: [{ dagId: 'etl', runId: 'run', event: 'trigger_dag_run' }],
    assetEvents: [{ id: '1', asset: 'table', dagId: 'etl', runId: 'run', taskId: 'load', indexPath: [], consumedBy: ['cron'] }],
    callbacks: [{ id: 'cb', dagId: 'etl', runId: 'run', taskId: null, indexPath: [], tryNumber: 0, kind: 'success', state: 'success', tries: 1 }],
    told: [{ id: 'cb', on: 'success', dag: 'etl', run: 'run', task: '' }],
    leftovers: { unappliedEvents: 0, owedEffects: 0, openCallbacks: 0, staleTimers: 0, deadLetters: 0, queuedMessages: 0 },
    liveWorkerPids: new Set([7]),
    ticks: [{ dagId: 'cron', everyMs: 1_000, from: 1_000, until: 2_000 }],
  };
}
