import type { SchedulerObserver } from '@millrace/scheduling';
import { spanOfAttempt, traceOfRun } from '@millrace/telemetry';
import type { Traces } from '@millrace/telemetry';

/** The spans a scheduler knows of: the wait for a run's start, the wait of an attempt in its queue, and the run as a whole. */
export function traceScheduler(traces: Traces, observer: SchedulerObserver): SchedulerObserver {
  if (!traces.enabled) return observer;
  return {
    ...observer,
    started: (entry, lateSeconds) => {
      observer.started?.(entry, lateSeconds);
      const { row, run } = entry;
      traces.record({
        trace: traceOfRun(row.id, row.traceparent, traces.sampling), name: 'schedule', startMs: row.queuedAtMs, endMs: run.startedAtMs ?? row.queuedAtMs,
        attributes: { 'millrace.dag_id': row.dagId, 'millrace.run_id': row.runId, 'millrace.run_type': row.runType },
      });
    },
    claimed: (queue, scheduled, queued, of) => {
      observer.claimed?.(queue, scheduled, queued, of);
      traces.record({
        trace: traceOfRun(of.row.id, of.row.traceparent, traces.sampling), name: `queue ${queue}`, kind: 'producer', parentSpanId: spanOfAttempt(of.attemptId), startMs: of.queuedAtMs, endMs: of.startMs,
        attributes: { 'messaging.system': 'rabbitmq', 'messaging.destination.name': queue, 'millrace.task_id': of.taskId, 'millrace.attempt_id': of.attemptId },
      });
    },
    committed: (entry, after) => {
      observer.committed(entry, after);
      if (after.finished === null) return;
      const { row, run } = entry;
      const trace = traceOfRun(row.id, row.traceparent, traces.sampling);
      traces.record({
        trace, name: `run ${row.dagId}`, spanId: trace.rootSpanId, parentSpanId: trace.callerSpanId, startMs: row.queuedAtMs, endMs: run.endedAtMs ?? row.queuedAtMs,
        attributes: { 'millrace.dag_id': row.dagId, 'millrace.run_id': row.runId, 'millrace.state': after.finished },
        error: after.finished === 'failed' ? (run.reason ?? 'the run failed') : undefined,
      });
    },
  };
}
