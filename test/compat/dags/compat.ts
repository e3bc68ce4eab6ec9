import { ApprovalOperator } from '@millrace/operators';
import { asset, chain, cron, dag, fail, task } from '@millrace/sdk';

/** Values handed on, a label that is not the id, and a log to read. */
dag('compat_flow', { tags: ['compat', 'flow'], description: 'Driven by a published client', params: { size: 3 }, docMd: '# Compat' }, () => {
  const extract = task('extract', async (_, { ti, log }) => {
    log.info('extracting');
    await ti.xcomPush('extra', { nested: [1, 2, 3] });
    return 7;
  });
  const double = task({ id: 'double', displayName: 'Double it' }, async (_, { ti }) => Number(await ti.xcomPull({ taskIds: 'extract' })) * 2);
  chain(extract(), double());
});

/** Its first try fails, its second succeeds. */
dag('compat_flaky', { tags: ['compat'] }, () => {
  const wobble = task({ id: 'wobble', retries: 1, retryDelay: 0.1 }, (_, { tryNumber }) => {
    if (tryNumber === 1) throw new Error('the first try fails on purpose');
  });
  wobble();
});

/** Fails for good, and what waits for it does not run. */
dag('compat_failing', { tags: ['compat'] }, () => {
  const broken = task('broken', () => fail('broken on purpose'));
  const never = task('never', () => undefined);
  chain(broken(), never());
});

/** Runs until somebody ends it. */
dag('compat_held', { tags: ['compat'] }, () => {
  const hold = task('hold', (_, { signal }) => new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true })));
  const after = task('after', () => undefined);
  chain(hold(), after());
});

/** Never starts, because it is paused from its first day. */
dag('compat_paused', { tags: ['compat'], isPausedUponCreation: true }, () => {
  const first = task({ id: 'first', displayName: 'The first', retries: 2, queue: 'default' }, () => undefined);
  const second = task('second', () => undefined);
  chain(first(), second());
});

/** Daily, for backfills. */
dag('compat_daily', { tags: ['compat'], schedule: cron('0 0 * * *'), startDate: '2026-01-01', catchup: false }, () => {
  const day = task('day', () => undefined);
  day();
});

const orders = asset('compat_orders', { uri: 's3://compat/orders' });
const customers = asset('compat_customers', { uri: 's3://compat/customers' });

/** Writes an asset. */
dag('compat_writer', { tags: ['compat'] }, () => {
  task({ id: 'write', outlets: [orders] }, () => undefined)();
});

/** Waits for two, of which one never comes by itself. */
dag('compat_reader', { tags: ['compat'], schedule: [orders, customers] }, () => {
  task('read', () => undefined)();
});

/** Asks a person. */
dag('compat_question', { tags: ['compat'] }, () => {
  new ApprovalOperator('approve', { subject: 'Go on?' });
});
