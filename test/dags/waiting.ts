import { EmptyOperator, ApprovalOperator, AsyncHttpOperator, HITLBranchOperator, HITLEntryOperator } from '@millrace/operators';
import { asset, chain, dag, param, sensed, sensor, task } from '@millrace/sdk';
import { ledgered } from './ledgered.js';

const PLATFORM = '{{ params.platform }}';

/** Work on another platform, which reports by itself. A lost worker costs a try, and starts nothing twice. */
dag('platform_job', { params: { platform: '', job: 'quick' }, resultTask: 'job' }, () => {
  const job = new AsyncHttpOperator('job', {
    request: { url: `${PLATFORM}/jobs`, body: { kind: '{{ params.job }}' } },
    cancel: { url: `${PLATFORM}/jobs/{externalId}/cancel` },
    retries: 3, retryDelay: 0,
  });
  const after = task('after', ledgered(async ({ ti }) => await ti.xcomPull({ taskIds: 'job' })));
  job.to(after());
});

/** The same, looked at now and then; and one that takes too long. */
dag('platform_poll', { params: { platform: '', job: 'polled' } }, () => {
  new AsyncHttpOperator('polled', { request: { url: `${PLATFORM}/jobs`, body: { kind: '{{ params.job }}' } }, status: { url: `${PLATFORM}/jobs/{externalId}` }, pollInterval: 0.2 });
});
dag('platform_late', { params: { platform: '', job: 'never' } }, () => {
  new AsyncHttpOperator('late', { request: { url: `${PLATFORM}/jobs`, body: { kind: '{{ params.job }}' } }, cancel: { url: `${PLATFORM}/jobs/{externalId}/cancel` }, timeout: 1 });
});

/** A person is asked three times. */
dag('asks', {}, () => {
  const approve = new ApprovalOperator('approve', { subject: 'Load {{ run_id }}?', body: '**Look first.**' });
  const form = new HITLEntryOperator('form', { subject: 'How many rows?', params: { rows: param(10, { schema: { type: 'integer', minimum: 1 } }) } });
  const choose = new HITLBranchOperator('choose', { subject: 'Where to?', options: ['left', 'right'], defaults: ['right'], responseTimeout: 1 });
  chain(approve, form, choose, [new EmptyOperator('left'), new EmptyOperator('right')]);
});

/** Looks, gives its slot back, looks again; the second is woken by a report. */
dag('senses', {}, () => {
  const third = sensor({ id: 'third', mode: 'reschedule', pokeInterval: 0.1 }, (_: unknown, context) => (context.looks === 2 ? sensed(context.looks) : false));
  const woken = sensor({ id: 'woken', mode: 'deferred', pokeInterval: '1h', wakeKey: 'senses-woken' }, (_: unknown, context) => context.resumedBy?.by === 'event' && sensed(context.resumedBy.payload));
  const gone = sensor({ id: 'gone', mode: 'reschedule', pokeInterval: 0.1, timeout: 0.5, retries: 5 }, () => false);
  chain(third(), woken());
  gone();
});

/** Counts its runs, in its own store and in an asset's. */
dag('counts', {}, () => {
  const count = task('count', async (_: unknown, { state, assetState }) => {
    const store = assetState(asset('counted'));
    return [await state.update<number>('runs', (runs) => (runs ?? 0) + 1), await store.update<number>('runs', (runs) => (runs ?? 0) + 1)];
  });
  count();
});
