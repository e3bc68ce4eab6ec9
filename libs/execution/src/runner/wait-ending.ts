import { inspect } from 'node:util';
import type { RunQuestion, RunResult } from '@millrace/contracts';
import { SUCCESS, failure } from './ending.js';
import type { Ending } from './ending.js';
import { toXComJson } from './xcom-json.js';

/** What a task that waits throws, by shape. Times are texts or dates; lengths of time are milliseconds from now. */
interface WaitSignal {
  readonly millrace?: unknown;
  readonly resumeAt?: unknown;
  readonly resumeAfterMs?: unknown;
  readonly resume?: unknown;
  readonly correlationKey?: unknown;
  readonly giveUpAt?: unknown;
  readonly giveUpAfterMs?: unknown;
  readonly giveUpThen?: unknown;
  readonly question?: unknown;
}

/** Ends an attempt that waits: for a time, an event, or a person. */
export function endingOfWait(signal: WaitSignal, nowMs: number): Ending {
  const resumeAt = instantOf(signal.resumeAt, signal.resumeAfterMs, nowMs);
  if (resumeAt === undefined) return failure(`a task asked to be resumed at ${inspect(signal.resumeAt ?? signal.resumeAfterMs)}, which is no time`);
  const giveUpAt = instantOf(signal.giveUpAt, signal.giveUpAfterMs, nowMs);
  if (giveUpAt === undefined) return failure(`a task asked to give up at ${inspect(signal.giveUpAt ?? signal.giveUpAfterMs)}, which is no time`);
  const giveUp: RunResult['giveUp'] = giveUpAt === null ? null : { at: giveUpAt, as: typeof signal.giveUpThen === 'string' ? signal.giveUpThen : 'fail' };
  const correlationKey = typeof signal.correlationKey === 'string' ? signal.correlationKey : '';
  const resumeJson = signal.resume === undefined || signal.resume === null ? '' : toXComJson(signal.resume, 'resume');
  if (signal.millrace === 'ask') {
    const question = questionOf(signal.question);
    return typeof question === 'string' ? failure(question, false) : { ...SUCCESS, outcome: 'awaiting_input', resumeJson, giveUp, question };
  }
  if (resumeAt === null && correlationKey === '') return failure('a task asked to be resumed, but said neither when (resumeAt) nor by what (correlationKey)');
  return { ...SUCCESS, outcome: signal.millrace === 'defer' ? 'deferred' : 'rescheduled', resumeAt, resumeJson, correlationKey, giveUp };
}

/** The question, or why it is none. */
function questionOf(given: unknown): RunQuestion | string {
  if (typeof given !== 'object' || given === null) return 'a task asked a person nothing';
  const { subject, body, options, defaults, multiple, params, assignees } = given as Record<string, unknown>;
  if (typeof subject !== 'string' || subject === '') return 'a question to a person needs a subject';
  if (!isTexts(options) || options.length === 0) return 'a question to a person needs a list of options';
  if (defaults !== undefined && defaults !== null && !isTexts(defaults)) return 'the defaults of a question must be a list of its options';
  return {
    subject,
    body: typeof body === 'string' ? body : '',
    options,
    defaults: defaults ?? null,
    multiple: multiple === true,
    paramsJson: toXComJson(params ?? {}, 'params'),
    assigneesJson: toXComJson(assignees ?? [], 'assignees'),
  };
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

/** RFC 3339 text of a time; null when none was given; undefined when it is no time. */
function instantOf(at: unknown, afterMs: unknown, nowMs: number): string | null | undefined {
  if (typeof afterMs === 'number') return Number.isFinite(afterMs) && Math.abs(afterMs) < 1e14 ? new Date(nowMs + afterMs).toISOString() : undefined;
  if (at === undefined || at === null || at === '') return null;
  const date = at instanceof Date ? at : new Date(at as string);
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString();
}
