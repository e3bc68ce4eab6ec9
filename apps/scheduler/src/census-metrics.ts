import type { Census } from '@millrace/persistence';
import { BoundedLabel } from '@millrace/telemetry';
import type { Logger, Metrics } from '@millrace/telemetry';

/** A census is not taken again sooner than this, however often metrics are asked for, */
const FRESH_MS = 5_000;
/** and never costs more than one part in so many of the time. */
const REST_FACTOR = 20;
/** Queues and pools that have series of their own; people make both. */
const MAX_NAMES = 100;

/**
 * How the whole installation stands, as every scheduler sees it: the same numbers from each, so a query takes `max` over them, not `sum`.
 * Taken only when somebody asks. While the database is away these metrics are absent, and the rest is answered.
 */
export function observeCensus(metrics: Metrics, take: () => Promise<Census>, depth: (queue: string) => Promise<number | null>, logger: Logger): void {
  const failures = metrics.counter({ name: 'census_failures_total', help: 'Times the state of the installation could not be read from the database.' });
  const seconds = metrics.histogram({ name: 'census_seconds', help: 'Reading the state of the installation from the database.' });
  const queues = new BoundedLabel(MAX_NAMES);
  const pools = new BoundedLabel(MAX_NAMES);
  let current: Promise<Census | null> | null = null;
  let freshUntilMs = 0;

  async function read(): Promise<Census | null> {
    const beganMs = performance.now();
    try {
      return await take();
    } catch (error) {
      failures.inc();
      logger.debug('the census could not be taken', { error: error instanceof Error ? error.message : String(error) });
      return null;
    } finally {
      const tookMs = performance.now() - beganMs;
      seconds.observe(tookMs / 1_000);
      freshUntilMs = performance.now() + Math.max(FRESH_MS, tookMs * REST_FACTOR);
    }
  }
  function census(): Promise<Census | null> {
    if (current === null || performance.now() > freshUntilMs) {
      freshUntilMs = Number.POSITIVE_INFINITY;
      current = read();
    }
    return current;
  }
  function gauge<Label extends string>(name: string, help: string, labels: readonly Label[], rows: (census: Census) => Iterable<readonly [Record<Label, string>, number]>): void {
    metrics.gauge<Label>({ name, help, labels, collect: async (of) => {
      const known = await census();
      of.reset();
      if (known === null) return;
      const sums = new Map<string, [Record<Label, string>, number]>();
      for (const [values, value] of rows(known)) {
        const key = JSON.stringify(values);
        sums.set(key, [values, (sums.get(key)?.[1] ?? 0) + value]);
      }
      for (const [values, value] of sums.values()) of.set(values as never, value);
    } });
  }
  const one = (value: number): [Record<never, string>, number][] => [[{}, value]];

  gauge('task_instances', 'Task instances of running runs by queue and state (scheduled, queued, running, restarting, up_for_retry, up_for_reschedule, deferred, awaiting_input).', ['queue', 'state'],
    (known) => known.instances.map((row) => [{ queue: queues.of(row.queue), state: row.state }, row.count]));
  gauge('task_queued_oldest_seconds', 'Age of the oldest queued task instance of each queue. Grows while a queue has no worker with a free slot.', ['queue'],
    (known) => {
      const oldest = new Map<string, number>();
      for (const row of known.instances) if (row.oldestSeconds !== null) oldest.set(row.queue, Math.max(oldest.get(row.queue) ?? 0, row.oldestSeconds));
      return [...oldest].map(([queue, age]) => [{ queue: queues.of(queue) }, age]);
    });
  gauge('pool_slots', 'Slots of each pool; -1: without limit.', ['pool'], (known) => known.pools.map(({ pool, slots }) => [{ pool: pools.of(pool) }, slots]));
  gauge('pool_used_slots', 'Slots of each pool by the state of what holds or wants them.', ['pool', 'state'], (known) => known.instances.map((row) => [{ pool: pools.of(row.pool), state: row.state }, row.slots]));
  gauge('dag_runs', 'Runs that have not ended, by state.', ['state'], (known) => [[{ state: 'queued' }, known.runsQueued], [{ state: 'running' }, known.runsRunning]]);
  gauge('dag_runs_quarantined', 'Runs set aside because their changes could not be written. Expected: none.', [], (known) => one(known.runsQuarantined));
  gauge('dags', 'Dags by whether they are paused.', ['state'], (known) => [[{ state: 'active' }, known.dagsActive], [{ state: 'paused' }, known.dagsPaused]]);
  gauge('maintenance', '1 while maintenance is on: nothing new starts.', [], (known) => one(known.maintenance ? 1 : 0));
  gauge('import_errors', 'Dag files that cannot be read.', [], (known) => one(known.importErrors));
  gauge('timers_overdue', 'Timers due for more than two seconds. Expected: none for long.', [], (known) => one(known.timersOverdue));
  gauge('run_events_waiting', 'Events asked of runs and not applied yet.', [], (known) => one(known.eventsWaiting));
  gauge('database_oldest_transaction_seconds', 'Age of the oldest open transaction in this database that this role may see. A long one makes every queue slow.', [], (known) => one(known.oldestTransactionSeconds));

  metrics.gauge({ name: 'broker_queue_messages', help: 'Messages that wait in the broker by task queue; what is claimed is not among them.', labels: ['queue'] as const, collect: async (of) => {
    const known = await census();
    of.reset();
    if (known === null) return;
    for (const queue of new Set(known.instances.map((row) => row.queue))) {
      const messages = await depth(queue).catch(() => null);
      if (messages !== null) of.set({ queue: queues.of(queue) }, messages);
    }
  } });
}
