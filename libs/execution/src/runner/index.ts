/** What happens inside a runner process, for who runs tasks without one: the tests of dag authors. */
export { BUNDLE_EXPORT } from './dag-contract.js';
export type { DagLike, LogLines, TaskLike } from './dag-contract.js';
export type { Ending } from './ending.js';
export { endingOfReturn, endingOfThrow, traceOf } from './outcome.js';
export { renderIndexName, renderTemplates } from './render-templates.js';
export { runCallbacks, runOnExecute } from './run-callbacks.js';
export { TaskContext } from './task-context.js';
export { toXComJson } from './xcom-json.js';
