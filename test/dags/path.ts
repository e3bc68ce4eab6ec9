import { chain, cron, dag, fail, task } from '@millrace/sdk';
import { ledgered, sleep } from './ledgered.js';

/** The path from a file to a finished run: values handed on, two queues, a log worth reading. */
dag('diamond', {}, () => {
  const extract = task('extract', ledgered(({ log }) => {
    log.info('extracting seven rows');
    return 7;
  }));
  const left = task({ id: 'left', queue: 'other' }, ledgered(async ({ ti, log }) => {
    log.info('left runs on the other queue');
    return Number(await ti.xcomPull({ taskIds: 'extract' })) * 2;
  }));
  const right = task('right', ledgered(async ({ ti }) => Number(await ti.xcomPull({ taskIds: 'extract' })) + 1));
  const join = task('join', ledgered(async ({ ti }) => {
    const [a, b] = await ti.xcomPull<number>({ taskIds: ['left', 'right'] });
    return Number(a) + Number(b);
  }));
  chain(extract(), [left(), right()], join());
});

/** Fails on its first try, succeeds on its second. */
dag('flaky', {}, () => {
  const wobble = task({ id: 'wobble', retries: 2, retryDelay: 0.2 }, ledgered(({ tryNumber }) => {
    if (tryNumber === 1) throw new Error('the first try fails on purpose');
  }));
  const after = task('after', ledgered(() => undefined));
  chain(wobble(), after());
});

/** Fails for good; what is downstream does not run, what waits for the end does. */
dag('failing', {}, () => {
  const broken = task({ id: 'broken', retries: 3, retryDelay: 0.1 }, ledgered(() => fail('broken for good')));
  const never = task('never', ledgered(() => undefined));
  const always = task({ id: 'always', triggerRule: 'all_done' }, ledgered(() => undefined));
  const [first, second, third] = [broken(), never(), always()];
  chain(first, second);
  chain(first, third);
});

/** A task that can be held and let go: it waits until the run's conf names it released, which never happens; clear and mark act on it. */
dag('endless', {}, () => {
  const hang = task('hang', ledgered(({ signal }) => sleep(600_000, signal)));
  const after = task('after', ledgered(() => undefined));
  chain(hang(), after());
});

/** Daily, and only by backfill. */
dag('daily', { schedule: cron('0 0 * * *'), startDate: '2026-01-01', catchup: false, isPausedUponCreation: false }, () => {
  const day = task('day', ledgered(({ logicalDate }) => logicalDate?.toISOString().slice(0, 10) ?? 'none'));
  day();
});
