import { dag, task } from '@millrace/sdk';

/** Instances of one mapped task: as many tasks written down would be a document of tens of megabytes, and a file that takes half a minute to read. */
const noop = task('noop', (input: { x: number }) => void input);

dag('wide100k', { maxActiveRuns: 10, maxActiveTasks: 1_000_000 }, () => {
  noop.expand({ x: Array.from({ length: 100_000 }, (_, i) => i) });
});
