import type { Metrics } from '@millrace/telemetry';

/** What a worker counts. Values that are cheap to look up are collected when somebody asks. */
export interface WorkerMetrics {
  claimed(answer: 'granted' | 'refused' | 'later'): void;
  continued(): void;
  completed(outcome: string): void;
  runnerStarted(): void;
  started(secondsSinceDelivery: number): void;
}

export interface WorkerGauges {
  slots(): number;
  running(): number;
  spooled(): number;
  runners(): number;
}

export function workerMetrics(metrics: Metrics, gauges: WorkerGauges): WorkerMetrics {
  metrics.gauge({ name: 'worker_slots', help: 'Tasks this worker may run at once.', collect: (gauge) => gauge.set(gauges.slots()) });
  metrics.gauge({ name: 'worker_running_tasks', help: 'Tasks running now.', collect: (gauge) => gauge.set(gauges.running()) });
  metrics.gauge({ name: 'worker_spool_results', help: 'Results no scheduler has answered yet.', collect: (gauge) => gauge.set(gauges.spooled()) });
  metrics.gauge({ name: 'worker_runners', help: 'Runner processes alive.', collect: (gauge) => gauge.set(gauges.runners()) });
  const claims = metrics.counter({ name: 'worker_claims_total', help: 'Claims by answer.', labels: ['answer'] });
  const continuations = metrics.counter({ name: 'worker_continuations_total', help: 'Successors received with the answer to a result.' });
  const completions = metrics.counter({ name: 'worker_completions_total', help: 'Ended tries by outcome.', labels: ['outcome'] });
  const starts = metrics.counter({ name: 'worker_runner_starts_total', help: 'Runner processes started. Stays flat under load: tasks reuse them.' });
  const latency = metrics.histogram({ name: 'worker_start_delay_seconds', help: 'From the delivery of a message or continuation to the start of its task.' });
  return {
    claimed: (answer) => claims.inc({ answer }),
    continued: () => continuations.inc(),
    completed: (outcome) => completions.inc({ outcome }),
    runnerStarted: () => starts.inc(),
    started: (seconds) => latency.observe(seconds),
  };
}
