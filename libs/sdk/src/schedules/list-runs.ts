import type { Timetable, TimetableRestriction, TimetableRun } from './timetable.js';

/** A run as it is published; milliseconds since 1970 UTC. */
export interface ListedRun {
  readonly logicalDateMs: number;
  readonly intervalStartMs: number;
  readonly intervalEndMs: number;
  readonly runAfterMs: number;
}

export interface ListRequest {
  /** The newest run that is known; null: none. */
  readonly after: ListedRun | null;
  readonly nowMs: number;
}

export interface RunList {
  readonly runs: readonly ListedRun[];
  /** There are none after these. */
  readonly isComplete: boolean;
}

/** Runs told at once; more are asked for before they run out. */
const RUNS_MAX = 500;
/** A rare schedule is told so far ahead … */
const HORIZON_MS = 400 * 86_400_000;
/** … and so many runs at least. */
const RUNS_LEAST = 5;
/** Questions in a row; a timetable that is still in the past then counts too finely for its start. */
const QUESTIONS_MAX = 200_000;

/** The next runs of a timetable. @throws RangeError when it answers with something that is no run, or does not go forward */
export function listRuns(timetable: Timetable, limits: Omit<TimetableRestriction, 'now'>, request: ListRequest): RunList {
  const restriction = { ...limits, now: new Date(request.nowMs) };
  const runs: ListedRun[] = [];
  let missed: ListedRun | null = null;
  let last = request.after;
  for (let asked = 0; asked < QUESTIONS_MAX; asked++) {
    const answer = timetable.nextRun(last === null ? null : runOf(last), restriction);
    const run: ListedRun | null = answer === null || answer === undefined ? null : listed(answer, timetable);
    if (run === null || (limits.latest !== null && run.logicalDateMs > limits.latest.getTime())) return { runs: missed === null ? runs : [missed, ...runs], isComplete: true };
    if (last !== null && run.logicalDateMs <= last.logicalDateMs) {
      throw new RangeError(`${nameOf(timetable)}.nextRun() must go forward: after the run of ${iso(last.logicalDateMs)} it gave ${iso(run.logicalDateMs)}`);
    }
    last = run;
    // Without catch-up only the newest of what was missed will ever be made.
    if (!limits.catchup && run.runAfterMs <= request.nowMs) missed = run;
    else runs.push(run);
    if (runs.length >= RUNS_MAX || (runs.length >= RUNS_LEAST && run.runAfterMs > request.nowMs + HORIZON_MS)) return { runs: missed === null ? runs : [missed, ...runs], isComplete: false };
  }
  throw new RangeError(`${nameOf(timetable)}.nextRun() was asked ${QUESTIONS_MAX} times and is still in the past (${last === null ? 'no run' : iso(last.logicalDateMs)}); begin nearer to now`);
}

function listed(answer: TimetableRun | Date, timetable: Timetable): ListedRun {
  const what = `${nameOf(timetable)}.nextRun()`;
  if (isDate(answer)) {
    const at = time(answer, what, 'the date');
    return { logicalDateMs: at, intervalStartMs: at, intervalEndMs: at, runAfterMs: at };
  }
  if (typeof answer !== 'object') throw new RangeError(`${what} must answer with { start, end }, a Date or null, got ${JSON.stringify(answer)}`);
  const intervalStartMs = time(answer.start, what, 'start');
  const intervalEndMs = time(answer.end, what, 'end');
  if (intervalEndMs < intervalStartMs) throw new RangeError(`${what}: the interval ends (${iso(intervalEndMs)}) before it starts (${iso(intervalStartMs)})`);
  return {
    logicalDateMs: answer.logicalDate === undefined ? intervalStartMs : time(answer.logicalDate, what, 'logicalDate'), intervalStartMs, intervalEndMs,
    runAfterMs: answer.runAfter === undefined ? intervalEndMs : time(answer.runAfter, what, 'runAfter'),
  };
}

function time(value: unknown, what: string, field: string): number {
  const at = isDate(value) ? value.getTime() : Number.NaN;
  // Years 1 to 9998, as cron.
  if (!(at >= -62_135_596_800_000 && at < 253_370_764_800_000)) throw new RangeError(`${what}: ${field} must be a Date, got ${value instanceof Date ? 'an invalid one' : JSON.stringify(value)}`);
  return at;
}

function isDate(value: unknown): value is Date {
  return Object.prototype.toString.call(value) === '[object Date]';
}

function runOf(run: ListedRun): Required<TimetableRun> {
  return { start: new Date(run.intervalStartMs), end: new Date(run.intervalEndMs), runAfter: new Date(run.runAfterMs), logicalDate: new Date(run.logicalDateMs) };
}

function nameOf(timetable: Timetable): string {
  return timetable.constructor.name;
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
