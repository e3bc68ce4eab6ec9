import { dag, defer, task } from '@millrace/sdk';

/** Waits for a report that never comes, in any number of runs at once. */
dag('waiting', { maxActiveRuns: 1_000_000 }, () => {
  const wait = task('wait', (_: unknown, { runId }) => defer({ correlationKey: `bench-${runId}`, until: '1d' }));
  wait();
});
