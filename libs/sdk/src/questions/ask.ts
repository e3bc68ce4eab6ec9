import { TaskDeferred } from '../control-flow/control-flow.js';
import type { OnTimeout } from '../control-flow/control-flow.js';
import type { Duration } from '../durations/duration.js';

export interface Question {
  /** One line. */
  readonly subject: string;
  /** Markdown. */
  readonly body?: string;
  /** What can be chosen. */
  readonly options: readonly string[];
  /** Chosen when nobody answers in time; then the task goes on. */
  readonly defaults?: readonly string[];
  /** Whether several options may be chosen. @default false */
  readonly multiple?: boolean;
  /** Fields of a form: values, or `{ value, schema, description }` with a JSON Schema; `param(…)` makes them. */
  readonly params?: Readonly<Record<string, unknown>>;
  /** Who may answer. @default everybody who may edit the task instance */
  readonly assignees?: readonly (string | { readonly id: string; readonly name: string })[];
}

export interface AskOptions<R> extends Question {
  /** How long it waits for an answer. @default for ever */
  readonly timeout?: Duration;
  /** @default 'resume' with defaults, else 'fail' */
  readonly onTimeout?: OnTimeout;
  /** Handed to the next run of `execute` as `context.resume`. JSON. */
  readonly resume?: R;
}

class TaskAsks extends TaskDeferred {
  readonly question: Question;
  constructor(options: AskOptions<unknown>) {
    const { timeout, defaults, resume, onTimeout = defaults === undefined ? 'fail' : 'resume' } = options;
    super('ask', { resume, onTimeout, ...(timeout === undefined ? {} : { timeout }) });
    const params = Object.fromEntries(Object.entries(options.params ?? {}).map(([name, given]) => [name, formParam(given)]));
    const assignees = (options.assignees ?? []).map((one) => (typeof one === 'string' ? { id: one, name: one } : one));
    this.question = { ...options, params, assignees };
  }
}

/**
 * Asks a person and waits, without a slot, for the answer; then `execute` runs again, and `context.answer()` is it.
 * @throws RangeError for a question nobody could answer
 */
export function ask<R>(options: AskOptions<R>): never {
  checkQuestion(options);
  throw new TaskAsks(options);
}

/** @throws RangeError naming what is wrong with it */
export function checkQuestion({ subject, options, defaults, multiple }: Question): void {
  if (typeof subject !== 'string' || subject === '') throw new RangeError('a question needs a subject');
  if (!Array.isArray(options) || options.length === 0) throw new RangeError('a question needs at least one option');
  if (new Set(options).size < options.length) throw new RangeError(`options are named twice: ${options.join(', ')}`);
  if (defaults === undefined) return;
  if (defaults.length === 0) throw new RangeError('defaults must name at least one option; leave them out for none');
  const strange = defaults.find((option) => !options.includes(option));
  if (strange !== undefined) throw new RangeError(`the default "${strange}" is none of the options: ${options.join(', ')}`);
  if (multiple !== true && defaults.length > 1) throw new RangeError('more than one default needs multiple: true');
}

/** `{ value, schema, description }`, whatever was given. */
function formParam(given: unknown): { readonly value: unknown; readonly schema: unknown; readonly description: unknown } {
  const isParam = typeof given === 'object' && given !== null && 'value' in given;
  const { value, schema, description } = isParam ? (given as { value: unknown; schema?: unknown; description?: unknown }) : { value: given, schema: undefined, description: undefined };
  return { value: value ?? null, schema: schema ?? {}, description: description ?? null };
}
