import type { executionProto } from '@millrace/contracts';
import { spanOfAttempt, traceOfRun, traceparentOf } from '@millrace/telemetry';
import type { RunTrace, Traces } from '@millrace/telemetry';

type Completion = executionProto.Completion;
type Grant = executionProto.Grant;

/** The spans a worker knows of: an attempt from its claim to its answered result, in it the run of the task's code and the delivery of the result. */
export class AttemptSpans {
  readonly #unanswered = new Map<string, { readonly trace: RunTrace; readonly endMs: number }>();

  constructor(private readonly traces: Traces) {}

  /** What task code continues. */
  contextOf(grant: Grant): string {
    return traceparentOf(this.#traceOf(grant), grant.attemptId);
  }

  ended(grant: Grant, completion: Completion): void {
    const trace = this.#traceOf(grant);
    if (!trace.sampled) return;
    const endMs = Date.now();
    const error = completion.outcome === 'failed' ? (completion.error.split('\n', 1)[0] || 'failed') : undefined;
    const attempt = spanOfAttempt(grant.attemptId);
    const claimedMs = Date.parse(grant.startDate);
    this.traces.record({
      trace, name: `task ${grant.taskId}`, spanId: attempt, kind: 'consumer', startMs: Number.isNaN(claimedMs) ? endMs : claimedMs, endMs, error,
      attributes: { 'millrace.dag_id': grant.dagId, 'millrace.run_id': grant.runId, 'millrace.task_id': grant.taskId, 'millrace.try_number': grant.tryNumber, 'millrace.attempt_id': grant.attemptId, 'millrace.queue': grant.queue, 'millrace.outcome': completion.outcome, ...(grant.indexPath.length === 0 ? {} : { 'millrace.index_path': grant.indexPath.join('.') }) },
    });
    if (completion.startedAt !== undefined && completion.endedAt !== undefined) {
      this.traces.record({ trace, name: 'run', parentSpanId: attempt, startMs: completion.startedAt.getTime(), endMs: completion.endedAt.getTime(), error, attributes: { 'process.pid': completion.pid } });
    }
    this.#unanswered.set(grant.attemptId, { trace, endMs });
  }

  answered(attemptId: string, result: string): void {
    const waiting = this.#unanswered.get(attemptId);
    if (waiting === undefined || result === 'later') return;
    this.#unanswered.delete(attemptId);
    this.traces.record({ trace: waiting.trace, name: 'result', parentSpanId: spanOfAttempt(attemptId), startMs: waiting.endMs, endMs: Date.now(), attributes: { 'millrace.answer': result } });
  }

  #traceOf(grant: Grant): RunTrace {
    return traceOfRun(grant.runUuid, grant.traceparent === '' ? null : grant.traceparent, this.traces.sampling);
  }
}
