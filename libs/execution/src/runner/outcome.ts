import { inspect } from 'node:util';
import { endingOfWait } from './wait-ending.js';
import { SUCCESS, failure } from './ending.js';
import type { Ending } from './ending.js';
import { errorNamesOf } from './error-names.js';

/** What `execute` returned. Branches and short circuits are told by a mark, not by a class. */
export function endingOfReturn(returned: unknown): Ending {
  if (returned === undefined) return SUCCESS;
  if (typeof returned !== 'object' || returned === null || !('__millrace' in returned)) return { ...SUCCESS, returned };
  const marked = returned as { __millrace: unknown; taskIds?: unknown; mode?: unknown; value?: unknown; again?: unknown };
  if (marked.__millrace === 'branch') {
    if (!Array.isArray(marked.taskIds) || !marked.taskIds.every((id) => typeof id === 'string')) return failure(`a branch must choose a list of task ids, got ${inspect(marked.taskIds)}`);
    return { ...SUCCESS, branchTaskIds: marked.taskIds, returned: marked.value === undefined ? marked.taskIds : marked.value };
  }
  if (marked.__millrace === 'short_circuit') {
    if (marked.mode !== 'all' && marked.mode !== 'direct') return failure(`a short circuit skips "all" or "direct", got ${inspect(marked.mode)}`);
    return { ...SUCCESS, skipDownstream: marked.mode, returned: marked.value };
  }
  if (marked.__millrace === 'loop') return { ...SUCCESS, loop: marked.again === true ? 'again' : 'stop', returned: marked.value };
  return failure(`the task returned an unknown mark ${inspect(marked.__millrace)}: it was written for another version of Millrace`);
}

/**
 * What `execute` threw. Signals carry a text property `millrace`; everything else is a failure that may be retried.
 * @param now by the database's clock, ms: what lengths of time a task names count from.
 */
export function endingOfThrow(thrown: unknown, nowMs: number): Ending {
  const signal = typeof thrown === 'object' && thrown !== null ? (thrown as { millrace?: unknown }) : {};
  const message = lineOf(thrown);
  switch (signal.millrace) {
    case 'skip':
      return { ...SUCCESS, outcome: 'skipped', error: message };
    case 'fail':
      return { ...failure(message, false), errorNames: errorNamesOf(thrown) };
    case 'defer':
    case 'reschedule':
    case 'ask':
      return endingOfWait(signal, nowMs);
    default:
      return { ...failure(message), errorNames: errorNamesOf(thrown) };
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
