export { runDag } from './run-dag.js';
export type { RunnableDag } from './run-dag.js';
export { TestRun } from './result/test-run.js';
export type { TaskState, TestAssetEvent, TestCallback, TestRunFacts, TestTask, TestTry } from './result/test-run.js';
export type { FakeAnswer, FakeAssetEvent, FakeConnection, FakeEvent, LogLine, Outcome, PlatformReport, RunDagOptions } from './options/run-options.js';
