import { openSync, writeSync } from 'node:fs';
import { chain, dag, task } from '@millrace/sdk';
import { LEDGER_FILE } from './ledger-file.js';

/** Tasks that do nothing, in the shapes of the benchmarks. */
const noop = task('noop', () => {});
const open = { maxActiveRuns: 1_000, maxActiveTasks: 100_000 };

dag('chain3', open, () => chain(...[1, 2, 3].map((n) => noop.with({ id: `step_${n}` })())));

dag('fan100', open, () => {
  const middle = Array.from({ length: 100 }, (_, i) => noop.with({ id: `middle_${i}` })());
  chain(noop.with({ id: 'first' })(), middle, noop.with({ id: 'last' })());
});

/** Each step notes when its code began and ended; the time between an end and the next start is the hop. */
let file: number | null = null;
const step = task('step', (_, { runId, taskId }) => {
  const start = process.hrtime.bigint();
  file ??= openSync(LEDGER_FILE, 'a');
  writeSync(file, `${runId} ${taskId} ${start} ${process.hrtime.bigint()}\n`);
});
dag('hop', open, () => chain(...Array.from({ length: 50 }, (_, i) => step.with({ id: `step_${i}` })())));
