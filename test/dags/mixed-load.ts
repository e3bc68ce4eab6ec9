import { chain, dag, every, task } from '@millrace/sdk';
import { STARTED_AT } from './ledger-file.js';
import { ledgered, sleep } from './ledgered.js';

/** What runs while the faults happen: short and long tasks, two queues, failures of their own, a schedule. */
const patient = { retries: 4, retryDelay: 0.2 };
const open = { maxActiveRuns: 1_000 };

dag('load_chain', { ...open, defaultArgs: patient }, () => {
  chain(...[1, 2, 3, 4].map((n) => task({ id: `step_${n}`, queue: n % 2 === 0 ? 'other' : 'default' }, ledgered(() => sleep(20)))()));
});

dag('load_fan', { ...open, maxActiveTasks: 4, defaultArgs: patient }, () => {
  const part = task('part', ledgered(() => sleep(60)));
  const begin = task('begin', ledgered(() => sleep(5)));
  const end = task('end', ledgered(() => sleep(5)));
  chain(begin(), Array.from({ length: 6 }, (_, i) => part.with({ id: `part_${i}`, queue: i % 2 === 0 ? 'other' : 'default' })()), end());
});

dag('load_flaky', { ...open, defaultArgs: patient }, () => {
  const wobble = task('wobble', ledgered(async ({ tryNumber }) => {
    await sleep(10);
    if (tryNumber === 1) throw new Error('the first try fails on purpose');
  }));
  const after = task('after', ledgered(() => sleep(10)));
  chain(wobble(), after());
});

dag('load_long', { ...open, defaultArgs: patient }, () => {
  const long = task('long', ledgered(() => sleep(1_500)));
  const after = task('after', ledgered(() => sleep(10)));
  chain(long(), after());
});

dag('load_ticks', { ...open, schedule: every('1s'), catchup: true, startDate: STARTED_AT, defaultArgs: patient }, () => {
  task('tick', ledgered(() => undefined))();
});
