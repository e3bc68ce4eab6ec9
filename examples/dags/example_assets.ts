import { asset, dag, task } from '@millrace/sdk';
import { BashOperator } from '@millrace/operators';

/** Two dags that write, and one that runs when both have. */
const orders = asset('example_orders', { uri: 's3://example/orders', group: 'example' });
const customers = asset('example_customers', { uri: 's3://example/customers', group: 'example' });

dag('example_asset_orders', { tags: ['example'] }, () => {
  task({ id: 'write', outlets: [orders] }, (_: unknown, context) => {
    context.outletEvents(orders).extra['rows'] = 42;
  })();
});

dag('example_asset_customers', { tags: ['example'] }, () => {
  new BashOperator('write', { bashCommand: 'echo "customers of {{ run_id }}"', outlets: [customers] });
});

dag('example_asset_report', { tags: ['example'], schedule: [orders, customers] }, () => {
  task({ id: 'read', inlets: [orders] }, async (_: unknown, context) => {
    const triggering = await context.triggeringAssetEvents();
    return Object.fromEntries(Object.entries(triggering).map(([name, events]) => [name, events.map((event) => event.extra)]));
  })();
});
