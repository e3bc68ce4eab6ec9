import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Constellation } from '../harness/constellation.js';
import { eventually } from '../harness/eventually.js';
import { OtlpSink } from './otlp-sink.js';
import type { ReceivedSpan } from './otlp-sink.js';

const CALLER = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331' };

const DAG = `
import { BashOperator } from '@millrace/operators';
import { chain, dag, task } from '@millrace/sdk';
dag('traced', {}, () => {
  const first = task('first', (_, context) => context.traceparent);
  const fails = task({ id: 'fails', triggerRule: 'all_done' }, () => { throw new Error('on purpose'); });
  chain(first(), new BashOperator('shell', { bashCommand: 'echo "{\\\\"traceparent\\\\": \\\\"$TRACEPARENT\\\\"}"', queue: 'other' }), fails());
});
`;

describe('traces', () => {
  let sink: OtlpSink;
  let constellation: Constellation;

  beforeAll(async () => {
    sink = await OtlpSink.start();
    constellation = await Constellation.start({
      label: 'traces', schedulers: 2, startTimeoutMs: 90_000, workers: [{ queues: ['default'], concurrency: 2 }, { queues: ['other'], concurrency: 2 }], dags: [],
      environment: { OTEL_EXPORTER_OTLP_ENDPOINT: sink.url, OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json', OTEL_BSP_SCHEDULE_DELAY: '200', OTEL_TRACES_SAMPLER: 'parentbased_traceidratio', OTEL_TRACES_SAMPLER_ARG: '0' },
    });
    writeFileSync(join(constellation.dagsFolder, 'traced.ts'), DAG);
    await eventually('the dag to be there', async () => (await constellation.client.call('GET', '/api/v2/dags/traced')).status === 200);
  }, 240_000);

  afterAll(async () => {
    await constellation.stop();
    await sink[Symbol.asyncDispose]();
  }, 60_000);

  const trigger = async (runId: string, flags: string | null): Promise<void> => {
    await constellation.client.must('POST', '/api/v2/dags/traced/dagRuns', { dag_run_id: runId, logical_date: null }, flags === null ? {} : { traceparent: `00-${CALLER.traceId}-${CALLER.spanId}-${flags}` });
    await eventually(`run ${runId} to end`, async () => ['success', 'failed'].includes((await constellation.client.run('traced', runId)).state));
  };

  it('are one for each run, from the call through schedule, queue, claim and run to the result, over all services', async () => {
    await trigger('asked-for', '01');
    const spans = await eventually('every span of the run', () => {
      const of = sink.spans.filter((span) => span.traceId === CALLER.traceId);
      const named = (name: string): number => of.filter((span) => span.name === name).length;
      return named('run traced') === 1 && named('trigger traced') === 1 && named('schedule') === 1 && named('result') === 3 && named('run') === 3 && of;
    });
    const one = (name: string): ReceivedSpan => spans.find((span) => span.name === name)!;
    const root = one('run traced');
    expect(root).toMatchObject({ service: 'millrace-scheduler', parentSpanId: CALLER.spanId, failed: true });
    expect(one('trigger traced')).toMatchObject({ service: 'millrace-api', parentSpanId: root.spanId, failed: false });
    expect(one('schedule')).toMatchObject({ service: 'millrace-scheduler', parentSpanId: root.spanId });
    for (const [task, failed] of [['first', false], ['shell', false], ['fails', true]] as const) {
      const attempt = one(`task ${task}`);
      expect(attempt).toMatchObject({ service: 'millrace-worker', parentSpanId: root.spanId, failed, attributes: { 'millrace.run_id': 'asked-for', 'millrace.try_number': '1' } });
      const children = spans.filter((span) => span.parentSpanId === attempt.spanId);
      expect(children.map((span) => span.name)).toEqual(expect.arrayContaining(['run', 'result']));
      expect(attempt.startMs).toBeGreaterThanOrEqual(root.startMs);
    }
    // What was handed over by the broker waited in its queue; what was handed on in a commit did not.
    expect(spans.filter((span) => span.name.startsWith('queue ')).map((span) => span.name)).toEqual(expect.arrayContaining(['queue default', 'queue other']));
    // Nothing hangs in the air: every parent is a span of the trace, or the caller's.
    const ids = new Set([...spans.map((span) => span.spanId), CALLER.spanId]);
    expect(spans.filter((span) => !ids.has(span.parentSpanId))).toEqual([]);
    // Task code is given its attempt's span.
    const given = (await constellation.client.must<{ value: string }>('GET', '/api/v2/dags/traced/dagRuns/asked-for/taskInstances/first/xcomEntries/return_value?deserialize=true')).value;
    expect(given).toContain(`00-${CALLER.traceId}-${one('task first').spanId}-01`);
    expect(await constellation.client.log('traced', 'asked-for', 'shell', 1)).toContain(`00-${CALLER.traceId}-${one('task shell').spanId}-01`);
  }, 90_000);

  it('are not made of runs that are not sampled', async () => {
    const before = sink.spans.length;
    await trigger('by-nobody', null);
    await trigger('not-wanted', '00');
    await trigger('asked-for-again', '01');
    await eventually('the spans of the last run', () => sink.spans.slice(before).some((span) => span.name === 'run traced'));
    expect(new Set(sink.spans.slice(before).map((span) => span.traceId))).toEqual(new Set([CALLER.traceId]));
    expect(new Set(sink.spans.slice(before).map((span) => span.attributes['millrace.run_id']).filter((id) => id !== undefined))).toEqual(new Set(['asked-for-again']));
  }, 60_000);
});
