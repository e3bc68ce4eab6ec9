import { dag, task } from '@millrace/sdk';

const noop = task('noop', () => {});
dag('wide', { maxActiveRuns: 10, maxActiveTasks: 100_000 }, () => {
  for (let i = 0; i < 3_000; i++) noop.with({ id: `t${i}` })();
});
