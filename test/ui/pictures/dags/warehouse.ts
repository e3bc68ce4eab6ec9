import { all, chain, dag, group, param } from '@millrace/sdk';

/** What the pictures of the docs show. */
export default dag('warehouse_orders', {
  description: 'Orders, customers and stock into the warehouse',
  tags: ['warehouse', 'core'],
  params: { region: param('eu', { schema: { type: 'string', enum: ['eu', 'us', 'apac'] } }), full: param(false, { schema: { type: 'boolean', title: 'Full reload' } }) },
  maxActiveRuns: 4,
  defaultArgs: { owner: 'data-platform' },
}, (d) => {
  const step = (id: string, ms: number, fails = 0) => d.task(id, async (_, { log, runId }) => {
    log.info(`reading ${id} of ${runId}`);
    for (let part = 1; part <= 4; part++) {
      await new Promise((resolve) => setTimeout(resolve, ms / 4));
      log.info(`\u001b[36mpart ${part} of 4\u001b[0m: ${part * 2_311} rows`);
    }
    if (Math.random() < fails) {
      log.warn('the source answers slowly');
      throw new Error(`the source closed the connection after ${ms} ms`);
    }
    return { table: id, rows: 9_244 };
  });
  const check = step('check_sources', 300)();
  const extract = group('extract', () => {
    for (const name of ['orders', 'customers', 'stock', 'returns']) step(name, 300 + name.length * 60, name === 'returns' ? 0.12 : 0)();
  });
  const transform = group('transform', () => {
    const clean = step('clean', 350)();
    chain(clean, [step('join', 700)(), step('score', 500, 0.08)()]);
  });
  const load = step('load', 450)();
  const report = step('report', 200)();
  const notify = d.task({ id: 'notify', triggerRule: 'all_done' }, async () => 'sent')();
  check.to(extract).to(transform).to(load).to(report);
  all(load, report).to(notify);
});
