import type { Metrics } from '@millrace/telemetry';
import type { SchedulerCore, SchedulerObserver, SweepReport } from '@millrace/scheduling';

const REPAIRS = ['lost', 'republished', 'undelivered', 'idle'] as const satisfies readonly (keyof SweepReport)[];

/** What a scheduler counts. Values the core keeps anyway are read when somebody asks. */
export function observeScheduler(metrics: Metrics, core: () => SchedulerCore): SchedulerObserver {
  const runs = metrics.counter({ name: 'runs_finished_total', help: 'Runs that ended, by state.', labels: ['state'] });
  const queued = metrics.counter({ name: 'attempts_queued_total', help: 'Attempts queued for a worker by way of the broker.' });
  const continued = metrics.counter({ name: 'attempts_continued_total', help: 'Attempts handed to a worker in the commit that ended their predecessor.' });
  const repairs = metrics.counter({ name: 'sweeper_repairs_total', help: 'What the sweeper mended, by kind. Expected: none.', labels: ['kind'] });
  const published = metrics.counter({ name: 'attempts_published_total', help: 'Attempts given to the broker, by what became of the message.', labels: ['result'] });
  for (const name of ['batches', 'events', 'rows', 'conflicts', 'failures'] as const) {
    metrics.gauge({ name: `apply_${name}`, help: `Applying runs: ${name} since the start.`, collect: (gauge) => gauge.set(core().apply.counters[name]) });
  }
  metrics.gauge({ name: 'runs_in_memory', help: 'Runs kept in memory.', collect: (gauge) => gauge.set(core().cache.size.runs) });
  metrics.gauge({ name: 'instances_in_memory', help: 'Task instances kept in memory.', collect: (gauge) => gauge.set(core().cache.size.instances) });
  metrics.gauge({ name: 'workers_connected', help: 'Workers with a stream to this scheduler.', collect: (gauge) => gauge.set(core().workers.size) });
  return {
    committed: (_entry, after) => {
      if (after.finished !== null) runs.inc({ state: after.finished });
      if (after.ready.length > 0) queued.inc(after.ready.length);
      if (after.claimed.length > 0) continued.inc(after.claimed.length);
    },
    swept: (report) => {
      for (const kind of REPAIRS) if (report[kind] > 0) repairs.inc({ kind }, report[kind]);
    },
    published: (_queue, result, count) => published.inc({ result }, count),
  };
}
