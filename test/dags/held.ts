import { existsSync } from 'node:fs';
import { chain, dag, task } from '@millrace/sdk';
import { ledgered, sleep } from './ledgered.js';
import { LEDGER_FILE } from './ledger-file.js';

/** Runs until a spec makes the file of its run's name. */
dag('held', { maxActiveRuns: 100 }, () => {
  const hold = task('hold', ledgered(async ({ runId, signal }) => {
    while (!existsSync(`${LEDGER_FILE}.${runId}`)) await sleep(20, signal);
  }));
  const after = task('after', ledgered(() => 'after'));
  chain(hold(), after());
});
