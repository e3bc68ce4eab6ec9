import { asset, assetAlias, dag, postgres, rabbitmq, task } from '@millrace/sdk';

/** Assets written by tasks, by messages and by rows; a dag that waits for each. */
const made = asset('made');
const daily = assetAlias('daily');
const messages = asset('messages', { watchers: [rabbitmq({ connId: 'outside_mq', exchange: 'outside', routingKey: '#' })] });
const rows = asset('rows', { watchers: [postgres({ connId: 'outside_db', table: 'outside', columns: ['n'], pollEvery: '100ms' })] });

dag('makes', { maxActiveRuns: 100 }, () => {
  task({ id: 'make', outlets: [made, daily], retries: 5, retryDelay: 0 }, (_: unknown, context) => {
    context.outletEvents(made).extra['of'] = context.runId;
    context.outletEvents(daily).add('found', { of: context.runId });
  })();
});

dag('after_made', { schedule: made, maxActiveRuns: 1_000 }, () => {
  task('see', async (_: unknown, context) => (await context.triggeringAssetEvents())['made']?.map((event) => event.extra['of']))();
});
dag('after_daily', { schedule: daily, maxActiveRuns: 2 }, () => {
  task('see', () => 1)();
});
dag('after_messages', { schedule: messages, maxActiveRuns: 1_000 }, () => {
  task('see', () => 1)();
});
dag('after_rows', { schedule: rows, maxActiveRuns: 1_000 }, () => {
  task('see', () => 1)();
});
