import { dag, task } from '@millrace/sdk';

const noop = task('noop', () => {});
const open = { maxActiveRuns: 10, maxActiveTasks: 100_000 };

dag('wide', open, () => {
  for (let i = 0; i < 10_000; i++) noop.with({ id: `t${i}` })();
});

/** Of the same file, so that every runner has loaded its bundle before `wide` is measured. */
dag('wide_warm', open, () => {
  for (let i = 0; i < 200; i++) noop.with({ id: `t${i}` })();
});
