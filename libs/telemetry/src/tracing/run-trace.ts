/** The trace of one run, the same wherever it is computed: nothing has to be handed over for spans of different services to meet. */
export interface RunTrace {
  /** 32 hex digits. */
  readonly traceId: string;
  /** 16 hex digits: the span of the whole run, parent of all others. */
  readonly rootSpanId: string;
  /** The span of whoever triggered the run; empty when nobody said. */
  readonly callerSpanId: string;
  readonly sampled: boolean;
}

/** Which runs are traced: all, none, or a share of them by their ids. `parentBased`: where a caller has decided, as he did. */
export interface Sampling {
  readonly ratio: number;
  readonly parentBased: boolean;
}

const TRACEPARENT = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;
const SAMPLED_FLAG = 1;

/** Whether a text is a W3C trace context that may be kept. */
export function isTraceparent(text: string): boolean {
  const found = TRACEPARENT.exec(text);
  return found !== null && !/^0+$/.test(found[1]!) && !/^0+$/.test(found[2]!);
}

/**
 * @param runUuid of the run; without a caller's context the trace has its id
 * @param traceparent as stored with the run, or null
 */
export function traceOfRun(runUuid: string, traceparent: string | null, sampling: Sampling): RunTrace {
  const hex = runUuid.replaceAll('-', '');
  const given = traceparent === null ? null : TRACEPARENT.exec(traceparent);
  const traceId = given?.[1] ?? hex;
  const decided = given !== null && sampling.parentBased;
  return {
    traceId,
    rootSpanId: hex.slice(16),
    callerSpanId: given?.[2] ?? '',
    sampled: decided ? (Number.parseInt(given[3]!, 16) & SAMPLED_FLAG) === SAMPLED_FLAG : inShare(traceId, sampling.ratio),
  };
}

/** The span of one attempt. Of the two halves of an id only the second is random enough. */
export function spanOfAttempt(attemptId: string): string {
  return attemptId.replaceAll('-', '').slice(16);
}

/** What task code is given: its spans are children of the attempt's. */
export function traceparentOf(trace: RunTrace, attemptId: string): string {
  return `00-${trace.traceId}-${spanOfAttempt(attemptId)}-${trace.sampled ? '01' : '00'}`;
}

function inShare(traceId: string, ratio: number): boolean {
  return ratio >= 1 || Number.parseInt(traceId.slice(-8), 16) / 0x1_0000_0000 < ratio;
}
