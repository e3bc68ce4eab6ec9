import { anyOf, asset, chain, dag, defer, every, loop, task } from '@millrace/sdk';
import { STARTED_AT } from './ledger-file.js';
import { ledgered, sleep } from './ledgered.js';
import { tell } from './told.js';

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

dag('load_mapped', { ...open, defaultArgs: patient }, () => {
  const list = task('list', ledgered(() => [1, 2, 3, 4, 5]));
  const part = task({ id: 'part', maxActivePerRun: 2 }, async (input: { n: number }, context) => ledgered(() => sleep(20).then(() => input.n))(input, context));
  const gather = task('gather', ledgered(() => sleep(5)));
  part.expand({ n: list() }).to(gather());
});

// Two slots for all runs together; one task needs both.
dag('load_pooled', { ...open, defaultArgs: { ...patient, pool: 'narrow' } }, () => {
  const thin = task('thin', ledgered(() => sleep(30)));
  const thick = task({ id: 'thick', poolSlots: 2 }, ledgered(() => sleep(30)));
  chain([thin.with({ id: 'thin_1' })(), thin.with({ id: 'thin_2' })()], thick());
});

dag('load_waiting', { ...open, defaultArgs: patient }, () => {
  const waits = task('waits', ledgered(({ resume }) => (resume === null ? defer({ until: new Date(Date.now() + 150), resume: { waited: true } }) : sleep(5))));
  const after = task('after', ledgered(() => sleep(5)));
  chain(waits(), after());
});

dag('load_looping', { ...open, defaultArgs: patient }, () => {
  loop('rounds', { max: 5, until: (round: number) => round >= 2 }, ({ index }) => task('round', async (input: { i: number }, context) => ledgered(() => sleep(10).then(() => input.i))(input, context))({ i: index }));
});

const table = asset('load_table', 'test://load_table');

dag('load_producer', { ...open, defaultArgs: patient, onSuccess: tell }, () => {
  task({ id: 'produce', outlets: [table] }, ledgered(() => sleep(15)))();
  task({ id: 'says_no', retries: 0, onFailure: tell, onSuccess: tell }, ledgered(async () => {
    await sleep(5);
    throw new Error('fails on purpose');
  }))();
  task({ id: 'mends', triggerRule: 'all_done', onSuccess: tell }, ledgered(() => sleep(5)))();
});

dag('load_consumer', { ...open, schedule: anyOf(table), defaultArgs: patient }, () => {
  task('consume', ledgered(() => sleep(5)))();
});

dag('load_ticks', { ...open, schedule: every('1s'), catchup: true, startDate: STARTED_AT, defaultArgs: patient }, () => {
  task('tick', ledgered(() => undefined))();
});
