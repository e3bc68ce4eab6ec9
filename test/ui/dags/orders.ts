import { chain, dag, group, param } from '@millrace/sdk';

/** Fails until the variable `orders_source` is there: what the journeys find, mend and clear. */
export default dag('orders', {
  description: 'Orders into the warehouse',
  tags: ['warehouse', 'hourly'],
  docMd: '# Orders\n\nAsk **Ada** before you change it.',
  params: {
    region: param('eu', { schema: { type: 'string', enum: ['eu', 'us'] }, description: 'Which shop' }),
    rows: param(100, { schema: { type: 'integer', minimum: 1 } }),
    full: param(false, { schema: { type: 'boolean', title: 'Full reload' } }),
  },
}, (d) => {
  const read = d.task('read', async (_, { params, log, variables }) => {
    log.info(`reading ${params.rows} rows of ${params.region}`);
    console.log('\u001b[32mgreen words\u001b[0m and plain ones');
    if ((await variables.get('orders_source', '')) === '') throw new Error('the variable orders_source is not set');
    return { rows: params.rows, region: params.region };
  });
  const clean = group('clean', () => {
    const one = d.task('dedupe', async () => 'done')();
    const two = d.task('normalise', async () => 'done')();
    chain(one, two);
  });
  const load = d.task('load', async () => 'loaded');
  read().to(clean).to(load());
});
