import { inspect } from 'node:util';
import type { Outcome } from '@millrace/vocabulary';
import { toXComJson } from './xcom-json.js';

/** How a try ended, before its XComs and times are added. */
export interface Ending {
  readonly outcome: Outcome;
  readonly retryable: boolean;
  readonly error: string;
  readonly resumeAt: string | null;
  readonly resumeJson: string;
  readonly correlationKey: string;
  readonly branchTaskIds: readonly string[] | null;
  readonly skipDownstream: '' | 'all' | 'direct';
  /** Pushed as XCom `return_value` when not undefined. */
  readonly returned: unknown;
}

const SUCCESS: Ending = { outcome: 'success', retryable: true, error: '', resumeAt: null, resumeJson: '', correlationKey: '', branchTaskIds: null, skipDownstream: '', returned: undefined };
/** A line in lists; the log has the rest. */
const ERROR_LINE_MAX = 2_000;

export function failure(error: string, retryable = true): Ending {
  return { ...SUCCESS, outcome: 'failed', retryable, error: error.slice(0, ERROR_LINE_MAX) };
}

/** What `execute` returned. Branches and short circuits are told by a mark, not by a class. */
export function endingOfReturn(returned: unknown): Ending {
  if (returned === undefined) return SUCCESS;
  if (typeof returned !== 'object' || returned === null || !('__millrace' in returned)) return { ...SUCCESS, returned };
  const marked = returned as { __millrace: unknown; taskIds?: unknown; mode?: unknown; value?: unknown };
  if (marked.__millrace === 'branch') {
    if (!Array.isArray(marked.taskIds) || !marked.taskIds.every((id) => typeof id === 'string')) return failure(`a branch must choose a list of task ids, got ${inspect(marked.taskIds)}`);
    return { ...SUCCESS, branchTaskIds: marked.taskIds, returned: marked.value === undefined ? marked.taskIds : marked.value };
  }
  if (marked.__millrace === 'short_circuit') {
    if (marked.mode !== 'all' && marked.mode !== 'direct') return failure(`a short circuit skips "all" or "direct", got ${inspect(marked.mode)}`);
    return { ...SUCCESS, skipDownstream: marked.mode, returned: marked.value };
  }
  return failure(`the task returned an unknown mark ${inspect(marked.__millrace)}: it was written for another version of Millrace`);
}

/** What `execute` threw. Signals carry a text property `millrace`; everything else is a failure that may be retried. */
export function endingOfThrow(thrown: unknown): Ending {
  const signal = typeof thrown === 'object' && thrown !== null ? (thrown as { millrace?: unknown; resumeAt?: unknown; resume?: unknown; correlationKey?: unknown }) : {};
  const message = lineOf(thrown);
  switch (signal.millrace) {
    case 'skip':
      return { ...SUCCESS, outcome: 'skipped', error: message };
    case 'fail':
      return failure(message, false);
    case 'defer':
    case 'reschedule': {
      const resumeAt = instantOf(signal.resumeAt);
      if (resumeAt === undefined) return failure(`a task asked to be resumed at ${inspect(signal.resumeAt)}, which is no time`);
      const correlationKey = typeof signal.correlationKey === 'string' ? signal.correlationKey : '';
      if (resumeAt === null && correlationKey === '') return failure('a task asked to be resumed, but said neither when (resumeAt) nor by what (correlationKey)');
      return {
        ...SUCCESS,
        outcome: signal.millrace === 'defer' ? 'deferred' : 'rescheduled',
        resumeAt,
        resumeJson: signal.resume === undefined || signal.resume === null ? '' : toXComJson(signal.resume, 'resume'),
        correlationKey,
      };
    }
    default:
      return failure(message);
  }
}

/** Everything known about a thrown value, for the log. */
export function traceOf(thrown: unknown): string {
  return isErrorLike(thrown) ? inspect(thrown, { depth: 4 }) : lineOf(thrown);
}

function lineOf(thrown: unknown): string {
  if (isErrorLike(thrown)) return `${thrown.name}: ${thrown.message}`;
  return `the task threw a value that is no Error: ${inspect(thrown, { depth: 2, breakLength: Infinity })}`;
}

function isErrorLike(value: unknown): value is Error {
  return typeof value === 'object' && value !== null && typeof (value as Error).message === 'string' && typeof (value as Error).name === 'string';
}

/** RFC 3339 text of a time; null when none was given; undefined when it is no time. */
function instantOf(value: unknown): string | null | undefined {
  if (value === undefined || value === null || value === '') return null;
  const date = value instanceof Date ? value : new Date(value as string);
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString();
}
