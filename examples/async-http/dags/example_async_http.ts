import { AsyncHttpOperator } from '@millrace/operators';
import { dag, param, task } from '@millrace/sdk';

/** Starts work on a platform, waits for it without a slot, and goes on with its result. The platform: examples/async-http/platform.mjs */
dag('example_async_http', {
  tags: ['example'],
  params: {
    platform: param('http://127.0.0.1:8090', { description: 'Where the platform answers' }),
    seconds: param(5, { schema: { type: 'number', minimum: 1, maximum: 3600 } }),
  },
  resultTask: 'rows',
}, () => {
  const job = new AsyncHttpOperator<{ rows: number }>('job', {
    request: { url: '{{ params.platform }}/jobs', body: { seconds: '{{ params.seconds }}' } },
    // Both: the report of the platform wakes the task at once; should it get lost, a look finds out.
    status: { url: '{{ params.platform }}/jobs/{externalId}' },
    pollInterval: '1m',
    // When nobody waits any more (time-out, clear, mark), the platform is told.
    cancel: { url: '{{ params.platform }}/jobs/{externalId}/cancel' },
    timeout: '1h',
    retries: 2,
    retryDelay: '10s',
  });
  const rows = task('rows', (result: { rows: number }, { log }) => {
    log.info(`the platform made ${result.rows} rows`);
    return result.rows;
  });
  rows(job.output);
});
