import type { RunRequest, RunnerAnswer, RunnerQuestion, ToldOutletEvent } from '@millrace/contracts';
import { TaskContext, endingOfReturn, endingOfThrow, renderIndexName, renderTemplates, runOnExecute, traceOf } from '@millrace/execution/runner';
import type { DagLike, Ending, LogLines } from '@millrace/execution/runner';
import { secondsOf } from '@millrace/sdk';
import type { TaskContext as SdkTaskContext } from '@millrace/sdk';
import { SecretMask } from '@millrace/task-logs';
import type { LogLine, Outcome } from '../options/run-options.js';

export interface AttemptEnd {
  readonly ending: Ending;
  readonly xcoms: readonly { readonly key: string; readonly json: string }[];
  /** What the task saw in its template fields; null: it has none, or did not come so far. */
  readonly rendered: Readonly<Record<string, unknown>> | null;
  readonly indexName: string;
  readonly outletEvents: readonly ToldOutletEvent[];
  readonly thrown: unknown;
}

export interface AttemptWorld {
  readonly dag: DagLike;
  readonly request: RunRequest;
  readonly outcome: Outcome;
  readonly log: (line: Pick<LogLine, 'level' | 'message'>) => void;
  readonly ask: (question: RunnerQuestion) => Promise<RunnerAnswer>;
  readonly nowMs: () => number;
  readonly pauseMs: (ms: number, signal: AbortSignal) => Promise<void>;
  /** Given the function that makes the attempt's abort signal fire. */
  readonly onBegin: (abort: (reason: string) => void) => void;
}

/**
 * One try, in this process: the same steps as a runner process takes (execution/runner/run-attempt.ts), with the same code for templates,
 * context and outcome, without its files, its capture of output, and its care for processes left behind.
 */
export async function runAttempt(world: AttemptWorld): Promise<AttemptEnd> {
  const { dag, request, outcome } = world;
  const secrets = new SecretMask();
  const log: LogLines = { write: (_, level, message) => world.log({ level, message: secrets.mask(message) }) };
  const context = Object.assign(new TaskContext(request, log, secrets, world.ask, world.nowMs), { pauseMs: world.pauseMs });
  world.onBegin((reason) => context.abort(reason));
  const task = dag.tasks.get(request.taskId);
  const undo: (() => void)[] = [];
  let ending: Ending;
  let rendered: Record<string, unknown> | null = null;
  let indexName = '';
  let outletEvents: readonly ToldOutletEvent[] = [];
  let thrown: unknown = null;
  try {
    if (task === undefined) throw new Error(`the dag has no task "${request.taskId}"`);
    if (request.indexPath.length > 0) {
      context.ti.relateTo(dag);
      undo.unshift((await dag.bind?.(request.taskId, context)) ?? (() => {}));
      const template = task.operator.options?.mapIndexTemplate;
      if (typeof template === 'string' && template !== '') indexName = await renderIndexName(template, task, context, secrets, world.ask, dag.macros);
    }
    await runOnExecute(new Map([[request.dagId, dag]]), request, context, log);
    const fields = await renderTemplates(task, context, secrets, world.ask, dag);
    undo.unshift(() => fields.restore());
    if (fields.fieldsJson !== '') rendered = JSON.parse(fields.fieldsJson) as Record<string, unknown>;
    if (task.operator.options?.outlets !== undefined) context.outlets.declare(task.operator.options.outlets);
    ending = endingOfReturn(await execute(outcome, context, world, () => task.operator.execute(context)));
    if (ending.returned !== undefined) context.ti.xcomPush('return_value', ending.returned);
    const told = ending.outcome === 'success' ? context.outletEventsJson() : '';
    if (told !== '') outletEvents = JSON.parse(told) as ToldOutletEvent[];
  } catch (error) {
    thrown = error;
    ending = endingOfThrow(error, world.nowMs());
    if (ending.outcome === 'failed') log.write('runner', 'ERROR', `Task failed with exception\n${traceOf(error)}`);
  } finally {
    for (const each of undo) each();
  }
  return { ending: { ...ending, error: secrets.mask(ending.error) }, xcoms: context.ti.pushed.list(), rendered, indexName, outletEvents, thrown };
}

async function execute(outcome: Outcome, context: TaskContext, world: AttemptWorld, own: () => unknown): Promise<unknown> {
  if (outcome === 'run') return own();
  if (typeof outcome === 'function') return outcome(context as unknown as SdkTaskContext);
  if (outcome === 'success') return undefined;
  if (outcome === 'failed') throw new Error('the test says that this try fails');
  if (outcome === 'skipped') throw Object.assign(new Error('the test says that this task is skipped'), { millrace: 'skip' });
  if (outcome.takes !== undefined) await world.pauseMs(secondsOf(outcome.takes, 'takes') * 1_000, context.signal);
  if ('fails' in outcome) {
    const error = outcome.fails instanceof Error ? outcome.fails : new Error(outcome.fails);
    throw outcome.forGood === true ? Object.assign(error, { millrace: 'fail' }) : error;
  }
  if ('skips' in outcome) throw Object.assign(new Error(outcome.skips), { millrace: 'skip' });
  if ('chooses' in outcome) return { __millrace: 'branch', taskIds: [outcome.chooses].flat() };
  for (const [key, value] of Object.entries(outcome.xcoms ?? {})) context.ti.xcomPush(key, value);
  return outcome.returns;
}
