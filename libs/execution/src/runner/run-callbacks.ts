import type { CallbackRequest, RunRequest } from '@millrace/contracts';
import type { DagLike, LogLines } from './dag-contract.js';
import { findTask } from './load-task.js';
import { traceOf } from './outcome.js';
import type { TaskContext } from './task-context.js';

/** A function, or an object that can notify. By shape: every bundle carries its own copy of the SDK. */
type Callback = ((context: object) => unknown) | { notify(context: object): unknown };

const OPTION_OF = { success: 'onSuccess', failure: 'onFailure', retry: 'onRetry', skipped: 'onSkipped' } as const;

/** Runs what the author wants to be told with: all of them, even when one throws; the first error is the callback's. */
export async function runCallbacks(dags: ReadonlyMap<string, DagLike>, request: RunRequest, callback: CallbackRequest, context: TaskContext): Promise<void> {
  const told = tellingContext(context, callback);
  const errors: unknown[] = [];
  const callbacks = callbacksOf(dags, request, callback);
  if (callbacks.length === 0) throw new Error(`the code of dag "${request.dagId}" has no callback for ${callback.on}${callback.deadline === null ? '' : ` of "${callback.deadline}"`}, but its document says it has`);
  for (const each of callbacks) {
    try {
      await call(each, told);
    } catch (error) {
      context.log.error(`A callback failed\n${traceOf(error)}`);
      errors.push(error);
    }
  }
  if (errors.length > 0) throw errors[0];
}

/** What runs before the task itself. As in Airflow its failure is told in the log and changes nothing. Awaits nothing when there is none. */
export function runOnExecute(dags: ReadonlyMap<string, DagLike>, request: RunRequest, context: TaskContext, log: LogLines): Promise<void> | undefined {
  const callbacks = listOf(optionOf(dags, request, 'onExecute'));
  if (callbacks.length === 0) return undefined;
  return (async () => {
    for (const each of callbacks) {
      try {
        await call(each, context);
      } catch (error) {
        log.write('runner', 'ERROR', `onExecute failed\n${traceOf(error)}`);
      }
    }
  })();
}

function callbacksOf(dags: ReadonlyMap<string, DagLike>, request: RunRequest, callback: CallbackRequest): Callback[] {
  const dag = dags.get(request.dagId);
  if (dag === undefined) throw new Error(`the bundle has no dag "${request.dagId}"`);
  const options = (dag.options ?? {}) as Record<string, unknown>;
  if (callback.on === 'deadline') {
    const deadlines = Array.isArray(options['deadlines']) ? (options['deadlines'] as { name?: unknown; reference?: unknown; callback?: unknown }[]) : [];
    return listOf(deadlines.find((deadline) => (deadline.name ?? deadline.reference) === callback.deadline)?.callback);
  }
  const name = OPTION_OF[callback.on];
  return listOf(request.taskId === '' ? options[name] : optionOf(dags, request, name));
}

/** A task's own option, else what the dag says for all its tasks. */
function optionOf(dags: ReadonlyMap<string, DagLike>, request: RunRequest, name: string): unknown {
  const operator = findTask(dags, request.dagId, request.taskId).operator as { options?: Record<string, unknown> };
  const own = operator.options?.[name];
  if (own !== undefined) return own;
  const defaults = (dags.get(request.dagId)?.options as { defaultArgs?: Record<string, unknown> } | undefined)?.defaultArgs;
  return defaults?.[name];
}

function listOf(given: unknown): Callback[] {
  if (given === undefined || given === null) return [];
  return (Array.isArray(given) ? given : [given]) as Callback[];
}

async function call(callback: Callback, context: object): Promise<void> {
  if (typeof callback === 'function') await callback(context);
  else await callback.notify(context);
}

/** The context of the try, with what happened. Asks the original for everything else. */
function tellingContext(context: TaskContext, callback: CallbackRequest): object {
  const { id, on, reason, state, deadline } = callback;
  return new Proxy(context, {
    get(target, property) {
      if (property === 'callback') return { id, on, reason, state, deadline };
      const value: unknown = Reflect.get(target, property, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
