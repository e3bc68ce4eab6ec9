import type { Metrics } from '@millrace/telemetry';

/** What a worker counts. Values that are cheap to look up are collected when somebody asks. */
export interface WorkerMetrics {
  claimed(answer: 'granted' | 'refused' | 'later'): void;
  continued(): void;
  /** @param seconds from the grant to the end, or null when that is not known. */
  completed(outcome: string, seconds: number | null): void;
  /** No heartbeat was answered in time, or a scheduler ended the session: its attempts were killed. */
  sessionLost(): void;
  runnerStarted(): void;
  started(secondsSinceDelivery: number): void;
}

export interface WorkerGauges {
  slots(): number;
  running(): number;
  spooled(): number;
  runners(): number;
  connected?(): number;
  draining?(): boolean;
}

const TASK_SECONDS = [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 900, 1_800, 3_600, 7_200, 21_600, 86_400];

export function workerMetrics(metrics: Metrics, gauges: WorkerGauges): WorkerMetrics {
  metrics.gauge({ name: 'worker_slots', help: 'Tasks this worker may run at once.', collect: (gauge) => gauge.set(gauges.slots()) });
  metrics.gauge({ name: 'worker_running_tasks', help: 'Tasks running now.', collect: (gauge) => gauge.set(gauges.running()) });
  metrics.gauge({ name: 'worker_spool_results', help: 'Results no scheduler has answered yet.', collect: (gauge) => gauge.set(gauges.spooled()) });
  metrics.gauge({ name: 'worker_runners', help: 'Runner processes alive.', collect: (gauge) => gauge.set(gauges.runners()) });
  const claims = metrics.counter({ name: 'worker_claims_total', help: 'Claims by answer.', labels: ['answer'] });
  const continuations = metrics.counter({ name: 'worker_continuations_total', help: 'Successors received with the answer to a result.' });
  const completions = metrics.counter({ name: 'worker_completions_total', help: 'Ended tries by outcome.', labels: ['outcome'] });
  const starts = metrics.counter({ name: 'worker_runner_starts_total', help: 'Runner processes started. Stays flat under load: tasks reuse them.' });
  metrics.gauge({ name: 'worker_schedulers_connected', help: 'Schedulers this worker has a stream to.', collect: (gauge) => gauge.set(gauges.connected?.() ?? 0) });
  metrics.gauge({ name: 'worker_draining', help: '1 while it takes nothing new and lets its tasks finish.', collect: (gauge) => gauge.set(gauges.draining?.() === true ? 1 : 0) });
  const seconds = metrics.histogram({ name: 'task_duration_seconds', help: 'From the grant of a try to its end, by outcome.', labels: ['outcome'], buckets: TASK_SECONDS });
  const losses = metrics.counter({ name: 'worker_session_losses_total', help: 'Times the lease was lost: no heartbeat was answered in time, or a scheduler ended the session; all attempts were killed. Expected: none.' });
  const latency = metrics.histogram({ name: 'worker_start_delay_seconds', help: 'From the delivery of a message or continuation to the start of its task.' });
  return {
    claimed: (answer) => claims.inc({ answer }),
    continued: () => continuations.inc(),
    completed: (outcome, took) => {
      completions.inc({ outcome });
      if (took !== null) seconds.observe({ outcome }, took);
    },
    sessionLost: () => losses.inc(),
    runnerStarted: () => starts.inc(),
    started: (seconds) => latency.observe(seconds),
  };
}
