import type { DagDocumentInput } from '@millrace/contracts';
import { secondsOf } from '../durations/duration.js';
import type { Duration } from '../durations/duration.js';
import { checked } from './callbacks.js';
import type { CallbackList } from './callbacks.js';

interface DeadlineBase {
  /** Shown, and told to the callback. Unique in the dag. @default the reference */
  readonly name?: string;
  /** Told when the deadline passes, once for each run (or once for each time nothing succeeded). */
  readonly callback?: CallbackList;
}

/** Until when something must have happened. Checked every second by the database's clock, whether any task runs or not. */
export type DeadlineInput = DeadlineBase & (
  /** A run must have ended this long after it was queued, or after its logical date. */
  | { readonly reference: 'queued' | 'logicalDate'; readonly interval: Duration }
  /** A run must not take longer than the average of the last successful ones, plus the interval. @default averageOf 10 */
  | { readonly reference: 'averageRunTime'; readonly interval?: Duration; readonly averageOf?: number }
  /** Some run must succeed at least so often: also told when no run is made at all. A paused dag is not expected to run. */
  | { readonly reference: 'lastSuccess'; readonly interval: Duration }
  /** Runs that began before it must have ended at this time. */
  | { readonly reference: 'fixed'; readonly at: Date | string }
);

/** @throws RangeError or TypeError naming what cannot be */
export function deadlineDocuments(given: readonly DeadlineInput[]): NonNullable<DagDocumentInput['deadlines']> {
  const names = new Set<string>();
  return given.map((deadline) => {
    const name = deadline.name ?? deadline.reference;
    if (names.has(name)) throw new RangeError(`two deadlines are called "${name}"; give each a name of its own`);
    names.add(name);
    return {
      name,
      reference: deadline.reference,
      ...('interval' in deadline && deadline.interval !== undefined ? { intervalSeconds: secondsOf(deadline.interval, `deadline "${name}": interval`) } : {}),
      ...('at' in deadline ? { at: instantOf(deadline.at, name) } : {}),
      ...('averageOf' in deadline && deadline.averageOf !== undefined ? { averageOf: deadline.averageOf } : {}),
      ...(checked(deadline.callback, `deadline "${name}": callback`).length > 0 ? { hasCallback: true } : {}),
    };
  });
}

function instantOf(at: Date | string, name: string): string {
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) throw new RangeError(`deadline "${name}": at must be a Date or an ISO text, got ${JSON.stringify(at)}`);
  return date.toISOString();
}
