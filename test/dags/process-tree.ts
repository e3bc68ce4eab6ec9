import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { dag, task } from '@millrace/sdk';
import { LEDGER_FILE } from './ledger-file.js';
import { ledgered } from './ledgered.js';

/** Starts a child and a grandchild that ignore SIGTERM, and runs out of time: all three must be gone. */
dag('stubborn', {}, () => {
  const stay = task({ id: 'stay', executionTimeout: '1s' }, ledgered(async ({ runId }) => {
    process.on('SIGTERM', () => undefined);
    const child = spawn('bash', ['-c', `trap '' TERM; (trap '' TERM; echo $BASHPID >> '${LEDGER_FILE}.${runId}.pids'; while true; do sleep 1; done) & echo $$ >> '${LEDGER_FILE}.${runId}.pids'; wait`], { stdio: 'ignore' });
    writeFileSync(`${LEDGER_FILE}.${runId}.runner`, String(process.pid));
    await new Promise((resolve) => child.on('exit', resolve));
  }));
  stay();
});
