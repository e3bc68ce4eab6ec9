import { mkdirSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import type { RunRequest, RunResult, RunnerAnswer, RunnerQuestion } from '@millrace/contracts';
import { SecretMask, TaskLogWriter } from '@millrace/task-logs';
import type { OutputCapture } from './capture-output.js';
import { failure, type Ending } from './ending.js';
import { errorNamesOf } from './error-names.js';
import { findTask, loadBundle, loadedBundle } from './load-task.js';
import { endingOfReturn, endingOfThrow, traceOf } from './outcome.js';
import { runCallbacks, runOnExecute } from './run-callbacks.js';
import type { DagLike, TaskLike } from './dag-contract.js';
import { renderIndexName, renderTemplates, type Rendered } from './render-templates.js';
import type { StartedProcesses } from './started-processes.js';
import { TaskContext } from './task-context.js';

const LOGGER = 'runner';

/** One try inside its runner process: from the request to the result, with the log in between. */
export class AttemptRun {
  readonly log: TaskLogWriter;
  readonly context: TaskContext;
  private readonly secrets = new SecretMask();
  private readonly startedAtMs = Date.now();
  private rendered: Rendered | undefined;
  private result: RunResult | undefined;
  private outletEventsJson = '';
  private unbind: (() => void) | null = null;
  private indexName = '';

  constructor(
    readonly request: RunRequest,
    private readonly capture: OutputCapture,
    private readonly processes: StartedProcesses,
    logMaxBytes: number,
    private readonly ask: (question: RunnerQuestion) => Promise<RunnerAnswer>,
  ) {
    makeLogFolder(request);
    this.log = new TaskLogWriter({ file: request.logFile, maxBytes: logMaxBytes, mask: this.secrets, onLoss: sayOnStderr });
    this.context = new TaskContext(request, this.log, this.secrets, this.ask);
  }

  async run(): Promise<RunResult> {
    const { request, log } = this;
    this.capture.begin(log);
    log.write(LOGGER, 'INFO', startLine(request));
    if (request.placementGeneration > 1) log.write(LOGGER, 'WARNING', `The run came to this worker from another, which is gone or drains: it is its ${request.placementGeneration}. worker. The folder its tasks share is new, what they left in the last one is not there`);
    // A task that blocks its process or is killed must not take its first lines with it.
    log.flush();
    let ending: Ending;
    try {
      const dags = loadedBundle(request.bundleFile) ?? (await loadBundle(request.bundleFile));
      if (request.callback !== undefined) {
        await runCallbacks(dags, request, request.callback, this.context);
        return this.finish(endingOfReturn(undefined));
      }
      const task = findTask(dags, request.dagId, request.taskId);
      const dag = dags.get(request.dagId);
      if (request.indexPath.length > 0) await this.bindToIndex(dag, task);
      await runOnExecute(dags, request, this.context, log);
      if (task.templateFields.length > 0) {
        this.rendered = await renderTemplates(task, this.context, this.secrets, this.ask, dag ?? {});
      }
      const outlets = task.operator.options?.outlets;
      if (outlets !== undefined) this.context.outlets.declare(outlets);
      const returned = task.operator.execute(this.context);
      ending = endingOfReturn(isThenable(returned) ? await returned : returned);
      if (ending.returned !== undefined) this.context.ti.xcomPush('return_value', ending.returned);
      if (ending.outcome === 'success') this.outletEventsJson = this.context.outletEventsJson();
    } catch (thrown) {
      ending = endingOfThrow(thrown, this.context.nowMs);
      if (ending.outcome === 'failed' && this.request.callback === undefined) this.log.write(LOGGER, 'ERROR', `Task failed with exception\n${traceOf(thrown)}`);
    }
    if (this.processes.hasThreads) {
      this.log.write(LOGGER, 'WARNING', 'The task left threads running, which are ended');
      await this.processes.endThreads();
    }
    return this.finish(ending);
  }

  /** A mapped instance has values of its own, and perhaps a name people see instead of its index. */
  private async bindToIndex(dag: DagLike | undefined, task: TaskLike): Promise<void> {
    this.context.ti.relateTo(dag);
    this.unbind = (await dag?.bind?.(this.request.taskId, this.context)) ?? null;
    const template = task.operator.options?.mapIndexTemplate;
    if (typeof template === 'string' && template !== '') this.indexName = await renderIndexName(template, task, this.context, this.secrets, this.ask, dag?.macros);
  }

  /** Ends the try from outside its own flow: an uncaught exception of something the task left running. */
  fail(thrown: unknown): RunResult {
    this.log.write(LOGGER, 'ERROR', `Task failed with an exception nobody caught\n${traceOf(thrown)}`);
    return this.finish({ ...failure(endingOfThrow(thrown, this.context.nowMs).error), errorNames: errorNamesOf(thrown) });
  }

  /** The first ending counts; asking again gives the same result. */
  private finish(ending: Ending): RunResult {
    if (this.result !== undefined) return this.result;
    const { request } = this;
    this.rendered?.restore();
    this.unbind?.();
    const left = this.processes.killLeftovers();
    if (left.length > 0) this.log.write(LOGGER, 'WARNING', `The task left processes behind, which were killed: ${left.join(', ')}`);
    this.capture.end();
    if (request.callback === undefined) this.log.write(LOGGER, ending.outcome === 'failed' ? 'ERROR' : 'INFO', endLine(ending, request));
    if (ending.outcome === 'deferred' || ending.outcome === 'rescheduled' || ending.outcome === 'awaiting_input') this.log.close();
    else this.log.end(ending.outcome);
    this.result = {
      type: 'result',
      attemptId: request.attemptId,
      outcome: ending.outcome,
      retryable: ending.retryable,
      error: this.secrets.mask(ending.error),
      // A failed or deferred try keeps what it pushed, as in Airflow.
      xcoms: this.context.ti.pushed.list(),
      startedAtMs: this.startedAtMs,
      endedAtMs: Date.now(),
      resumeAt: ending.resumeAt,
      resumeJson: ending.resumeJson,
      correlationKey: ending.correlationKey,
      giveUp: ending.giveUp,
      errorNames: ending.errorNames,
      question: ending.question,
      renderedFieldsJson: this.rendered?.fieldsJson ?? '',
      branchTaskIds: ending.branchTaskIds,
      skipDownstream: ending.skipDownstream,
      outletEventsJson: this.outletEventsJson,
      ...(ending.loop === null ? {} : { loop: ending.loop }),
      ...(this.indexName === '' ? {} : { indexName: this.indexName }),
    };
    return this.result;
  }
}

/** A first try's folder is new, and making it beforehand saves the failing open; its parent mostly exists. */
function makeLogFolder(request: RunRequest): void {
  if (request.tryNumber !== 1 || request.resumeJson !== '') return;
  try {
    mkdirSync(dirname(request.logFile), { mode: 0o750 });
  } catch {
    // It exists, its parent does not, or it cannot be made: the writer makes what is missing, or says why it can't.
  }
}

/** stderr ends in the worker's own log. */
function sayOnStderr(message: string): void {
  writeSync(2, `${message}\n`);
}

function startLine(request: RunRequest): string {
  const { callback } = request;
  const what = `${request.dagId}${request.taskId === '' ? '' : `.${request.taskId}`}`;
  if (callback !== undefined) return `Starting the callback for ${callback.on} of ${what}${request.runId === '' ? '' : `, run ${request.runId}`}`;
  return `Starting attempt ${request.tryNumber} of ${request.maxTries + 1}: ${request.dagId}.${request.taskId}${request.indexPath.length > 0 ? ` ${JSON.stringify(request.indexPath)}` : ''}, run ${request.runId}`;
}

function endLine(ending: Ending, request: RunRequest): string {
  const what = `dag_id=${request.dagId}, task_id=${request.taskId}, run_id=${request.runId}`;
  switch (ending.outcome) {
    case 'success':
      return `Marking task as SUCCESS. ${what}`;
    case 'skipped':
      return `Marking task as SKIPPED. ${what}${ending.error === '' ? '' : ` (${ending.error})`}`;
    case 'deferred':
    case 'rescheduled':
      return `Pausing task as ${ending.outcome.toUpperCase()}${ending.resumeAt === null ? '' : ` until ${ending.resumeAt}`}${ending.correlationKey === '' ? '' : ` or until "${ending.correlationKey}" is reported`}${ending.giveUp === null ? '' : `, at most until ${ending.giveUp.at}`}. ${what}`;
    case 'awaiting_input':
      return `Pausing task as AWAITING_INPUT: "${ending.question?.subject ?? ''}"${ending.giveUp === null ? '' : `, at most until ${ending.giveUp.at}`}. ${what}`;
    case 'failed':
      return `Marking task as ${ending.retryable && request.tryNumber <= request.maxTries ? 'UP_FOR_RETRY' : 'FAILED'}. ${what}: ${ending.error}`;
    default:
      return ending.outcome satisfies never;
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function';
}
