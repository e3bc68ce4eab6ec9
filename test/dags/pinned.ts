import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { chain, dag, task } from '@millrace/sdk';
import { ledgered, sleep } from './ledgered.js';

/** All tasks of a run on one worker. `wait` goes on when the file that the run's conf names is there. */
dag('pinned', { placement: 'single-worker' }, () => {
  const write = task('write', ledgered(({ runScratchDir, placement }) => {
    writeFileSync(join(runScratchDir, 'written'), 'by write');
    return placement?.generation ?? 0;
  }));
  const wait = task({ id: 'wait', retries: 2, retryDelay: 0.1 }, ledgered(async ({ conf, signal, runScratchDir, placement }) => {
    const found = readdirSync(runScratchDir);
    while (!existsSync(String(conf['gate']))) await sleep(20, signal);
    return { found, generation: placement?.generation };
  }));
  const read = task('read', ledgered(({ runScratchDir, placement }) => ({ found: readdirSync(runScratchDir), generation: placement?.generation })));
  chain(write(), wait(), read());
});
