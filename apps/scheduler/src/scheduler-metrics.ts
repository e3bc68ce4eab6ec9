import { BoundedLabel } from '@millrace/telemetry';
import type { Metrics } from '@millrace/telemetry';
import type { SchedulerCore, SchedulerObserver, SweepReport } from '@millrace/scheduling';

const REPAIRS = ['lost', 'republished', 'undelivered', 'idle'] as const satisfies readonly (keyof SweepReport)[];
const LOOPS = ['membership', 'sweeper', 'backfills'] as const;
const MAX_QUEUES = 100;
const RUN_SECONDS = [0.1, 0.5, 1, 5, 10, 30, 60, 300, 900, 1_800, 3_600, 7_200, 21_600, 86_400];
const EVENTS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000];

/** What a scheduler counts. Values the core keeps anyway are read when somebody asks. */
export function observeScheduler(metrics: Metrics, core: () => SchedulerCore, maxDags: number): SchedulerObserver {
  const dag = new BoundedLabel(maxDags);
  const queueName = new BoundedLabel(MAX_QUEUES);
  const runs = metrics.counter({ name: 'runs_finished_total', help: 'Runs that ended, by dag and state.', labels: ['dag_id', 'state'] });
  const runSeconds = metrics.histogram({ name: 'dagrun_duration_seconds', help: 'From the start of a run to its end, by state.', labels: ['state'], buckets: RUN_SECONDS });
  const late = metrics.histogram({ name: 'dagrun_schedule_delay_seconds', help: 'From when a run was due to its start; runs that wait for max_active_runs count their wait.' });
  const tries = metrics.counter({ name: 'task_instances_ended_total', help: 'Task instances by the state a decision brought them to: success, failed, skipped, upstream_failed, removed, up_for_retry, up_for_reschedule, deferred.', labels: ['dag_id', 'state'] });
  const queued = metrics.counter({ name: 'attempts_queued_total', help: 'Attempts queued for a worker by way of the broker.' });
  const continued = metrics.counter({ name: 'attempts_continued_total', help: 'Attempts handed to a worker in the commit that ended their predecessor.' });
  const claimed = metrics.counter({ name: 'attempts_claimed_total', help: 'Attempts claimed by workers through this scheduler, of runs it remembers.', labels: ['queue'] });
  const scheduledSeconds = metrics.histogram({ name: 'task_scheduled_duration_seconds', help: 'From scheduled (its upstream is done) to queued: what limits and full windows cost.', labels: ['queue'] });
  const queuedSeconds = metrics.histogram({ name: 'task_queued_duration_seconds', help: 'From queued to running: broker, claim, and the wait for a free slot.', labels: ['queue'] });
  const repairs = metrics.counter({ name: 'sweeper_repairs_total', help: 'What the sweeper mended, by kind. Expected: none.', labels: ['kind'] });
  const published = metrics.counter({ name: 'attempts_published_total', help: 'Attempts given to the broker, by what became of the message.', labels: ['result'] });
  const batchEvents = metrics.histogram({ name: 'apply_batch_events', help: 'Events applied by one commit.', buckets: EVENTS });
  const commitSeconds = metrics.histogram({ name: 'apply_commit_seconds', help: 'The one statement that writes a batch of decisions.' });
  const waitedSeconds = metrics.histogram({ name: 'apply_event_to_commit_seconds', help: 'From the arrival of the oldest event of a batch to its commit.' });
  const loopSeconds = metrics.histogram({ name: 'scheduler_loop_seconds', help: 'One pass of a background loop: membership, sweeper, backfills.', labels: ['loop'] });
  const loopFailures = metrics.counter({ name: 'scheduler_loop_failures_total', help: 'Passes that failed, by loop.', labels: ['loop'] });
  const heartbeats = metrics.counter({ name: 'scheduler_heartbeats_total', help: 'Times this scheduler said in the database that it is alive.' });
  metrics.counter({ name: 'apply_batches_total', help: 'Commits of decisions.', read: () => core().apply.counters.batches });
  metrics.counter({ name: 'apply_events_total', help: 'Events applied.', read: () => core().apply.counters.events });
  metrics.counter({ name: 'apply_rows_total', help: 'Task instance rows written.', read: () => core().apply.counters.rows });
  metrics.counter({ name: 'apply_conflicts_total', help: 'Runs that somebody else wrote first, so that they were decided anew.', read: () => core().apply.counters.conflicts });
  metrics.counter({ name: 'apply_failures_total', help: 'Batches that could not be committed.', read: () => core().apply.counters.failures });
  metrics.gauge({ name: 'runs_in_memory', help: 'Runs kept in memory.', collect: (gauge) => gauge.set(core().cache.size.runs) });
  metrics.gauge({ name: 'instances_in_memory', help: 'Task instances kept in memory.', collect: (gauge) => gauge.set(core().cache.size.instances) });
  metrics.gauge({ name: 'workers_connected', help: 'Workers with a stream to this scheduler.', collect: (gauge) => gauge.set(core().workers.size) });
  // Series that exist from the start: a rate over a counter that appears with its first count misses that count.
  for (const kind of REPAIRS) repairs.inc({ kind }, 0);
  for (const loop of LOOPS) loopFailures.inc({ loop }, 0);
  return {
    committed: ({ row, run }, after) => {
      if (after.finished !== null) {
        runs.inc({ dag_id: dag.of(row.dagId), state: after.finished });
        if (run.startedAtMs !== null && run.endedAtMs !== null) runSeconds.observe({ state: after.finished }, Math.max(0, run.endedAtMs - run.startedAtMs) / 1_000);
      }
      for (const [state, count] of after.ended) tries.inc({ dag_id: dag.of(row.dagId), state }, count);
      if (after.ready.length > 0) queued.inc(after.ready.length);
      if (after.claimed.length > 0) continued.inc(after.claimed.length);
    },
    swept: (report) => {
      for (const kind of REPAIRS) if (report[kind] > 0) repairs.inc({ kind }, report[kind]);
    },
    published: (_queue, result, count) => published.inc({ result }, count),
    started: (_entry, lateSeconds) => late.observe(lateSeconds),
    batch: (events, commit, waited) => {
      batchEvents.observe(events);
      commitSeconds.observe(commit);
      waitedSeconds.observe(waited);
    },
    claimed: (name, scheduled, wait) => {
      const queue = queueName.of(name);
      claimed.inc({ queue });
      if (scheduled !== null) scheduledSeconds.observe({ queue }, scheduled);
      if (wait !== null) queuedSeconds.observe({ queue }, wait);
    },
    passed: (loop, seconds, failed) => {
      loopSeconds.observe({ loop }, seconds);
      if (failed) loopFailures.inc({ loop });
      else if (loop === 'membership') heartbeats.inc();
    },
  };
}
