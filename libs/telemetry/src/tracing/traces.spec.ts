import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import type { Logger } from '../logger.js';
import { isTraceparent, spanOfAttempt, traceOfRun, traceparentOf } from './run-trace.js';
import { openTraces } from './traces.js';

const RUN = '01a20752-828a-7723-8dad-5bb7e8b6a6e4';
const CALLER = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331';
const all = { ratio: 1, parentBased: true };

function listening(): { readonly logger: Logger; readonly said: string[] } {
  const said: string[] = [];
  const say = (message: string): void => void said.push(message);
  const logger: Logger = { debug: () => undefined, info: say, warn: say, error: say, child: () => logger };
  return { logger, said };
}

describe('the trace of a run', () => {
  it('has the run\'s id, or the caller\'s trace; its span is the run\'s own either way', () => {
    expect(traceOfRun(RUN, null, all)).toEqual({ traceId: '01a20752828a77238dad5bb7e8b6a6e4', rootSpanId: '8dad5bb7e8b6a6e4', callerSpanId: '', sampled: true });
    expect(traceOfRun(RUN, `${CALLER}-01`, all)).toEqual({ traceId: '0af7651916cd43dd8448eb211c80319c', rootSpanId: '8dad5bb7e8b6a6e4', callerSpanId: 'b7ad6b7169203331', sampled: true });
  });

  it.each([
    [null, { ratio: 0, parentBased: true }, false],
    [null, { ratio: 0.92, parentBased: true }, true],
    [null, { ratio: 0.9, parentBased: true }, false],
    [`${CALLER}-01`, { ratio: 0, parentBased: true }, true],
    [`${CALLER}-00`, { ratio: 1, parentBased: true }, false],
    [`${CALLER}-00`, { ratio: 1, parentBased: false }, true],
  ])('of caller %s with %j is sampled: %s', (traceparent, sampling, sampled) => {
    expect(traceOfRun(RUN, traceparent, sampling).sampled).toBe(sampled);
  });

  it('is given to task code with the attempt as parent', () => {
    const trace = traceOfRun(RUN, `${CALLER}-01`, all);
    const attempt = '01a20752-0000-7000-8000-00000000abcd';
    expect(traceparentOf(trace, attempt)).toBe(`00-0af7651916cd43dd8448eb211c80319c-${spanOfAttempt(attempt)}-01`);
    expect(isTraceparent(traceparentOf(trace, attempt))).toBe(true);
  });

  it.each(['', 'x', '00-00000000000000000000000000000000-b7ad6b7169203331-01', `${CALLER}`, `01${CALLER.slice(2)}-01`, `${CALLER}-01-extra`])('does not take %j for a context', (text) => expect(isTraceparent(text)).toBe(false));
});

describe('openTraces', () => {
  it('does nothing unless it is asked for', () => {
    const { logger } = listening();
    for (const env of [{}, { OTEL_EXPORTER_OTLP_ENDPOINT: '' }, { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1', OTEL_SDK_DISABLED: 'true' }, { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1', OTEL_TRACES_SAMPLER: 'always_off' }]) expect(openTraces('spec', logger, env).enabled).toBe(false);
  });

  it('says what it cannot read of its variables', () => {
    const { logger, said } = listening();
    const traces = openTraces('spec', logger, { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1', OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '7' });
    expect(traces.sampling).toEqual({ ratio: 1, parentBased: false });
    expect(said.join()).toContain('OTEL_TRACES_SAMPLER_ARG');
    return traces.stop();
  });

  it('sends spans to a collector, with names, times, parents and errors; secrets are masked; what is not sampled stays', async () => {
    const bodies: any[] = [];
    const server = createServer((request, response) => {
      let text = '';
      request.on('data', (chunk: Buffer) => (text += chunk.toString()));
      request.on('end', () => {
        bodies.push({ url: request.url, body: JSON.parse(text) });
        response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    process.env['OTEL_EXPORTER_OTLP_ENDPOINT'] = endpoint;
    try {
      const traces = openTraces('spec', listening().logger, { ...process.env, OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment=dev' });
      const trace = traceOfRun(RUN, null, traces.sampling);
      traces.record({ trace, name: 'early', spanId: 'a'.repeat(16), startMs: 1_000.5, endMs: 1_002, attributes: { 'millrace.dag_id': 'd' }, error: 'amqp://u:canary@h refused' });
      traces.record({ trace: { ...trace, sampled: false }, name: 'not sampled', startMs: 1, endMs: 2 });
      traces.record({ trace, name: 'root', spanId: trace.rootSpanId, parentSpanId: '', startMs: 5, endMs: 4 });
      await traces.stop();
      expect(bodies.map((each) => each.url)).toEqual(['/v1/traces']);
      const [{ resource, scopeSpans }] = bodies[0].body.resourceSpans;
      expect(Object.fromEntries(resource.attributes.map((each: any) => [each.key, each.value.stringValue]))).toMatchObject({ 'service.name': 'millrace-spec', 'deployment.environment': 'dev' });
      const spans = scopeSpans[0].spans;
      expect(spans).toMatchObject([
        { traceId: trace.traceId, spanId: 'a'.repeat(16), parentSpanId: trace.rootSpanId, name: 'early', startTimeUnixNano: '1000500000', endTimeUnixNano: '1002000000', status: { code: 2, message: 'amqp://u:***@h refused' } },
        { traceId: trace.traceId, spanId: trace.rootSpanId, name: 'root', startTimeUnixNano: '5000000', endTimeUnixNano: '5000000' },
      ]);
      expect(spans[1].parentSpanId ?? '').toBe('');
    } finally {
      delete process.env['OTEL_EXPORTER_OTLP_ENDPOINT'];
      await new Promise((resolve) => server.close(resolve));
    }
  });
});
