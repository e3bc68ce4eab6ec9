import { randomBytes } from 'node:crypto';
import { SpanKind, SpanStatusCode, TraceFlags } from '@opentelemetry/api';
import type { Attributes, HrTime } from '@opentelemetry/api';
import type { Logger } from '../logger.js';
import { maskText } from '../masking.js';
import type { RunTrace, Sampling } from './run-trace.js';

/** A span that is over. Times are milliseconds since 1970. */
export interface FinishedSpan {
  readonly trace: RunTrace;
  readonly name: string;
  /** Default: made up. */
  readonly spanId?: string;
  /** Default: the run's span. Empty: none. */
  readonly parentSpanId?: string;
  readonly kind?: 'internal' | 'server' | 'producer' | 'consumer';
  readonly startMs: number;
  readonly endMs: number;
  readonly attributes?: Attributes;
  /** A sentence, when what it is about failed. */
  readonly error?: string | undefined;
}

/** Where spans go. Made once for a process. */
export interface Traces {
  /** False: nobody asked for traces, and nothing should be prepared for them. */
  readonly enabled: boolean;
  readonly sampling: Sampling;
  /** Never throws, never waits. A span of a run that is not sampled is dropped. */
  record(span: FinishedSpan): void;
  /** Sends what is left, a few seconds at most. */
  stop(): Promise<void>;
}

const NONE: Traces = { enabled: false, sampling: { ratio: 0, parentBased: true }, record: () => undefined, stop: async () => undefined };
const KINDS = { internal: SpanKind.INTERNAL, server: SpanKind.SERVER, producer: SpanKind.PRODUCER, consumer: SpanKind.CONSUMER } as const;
const STOP_WITHIN_MS = 3_000;
/** Spans kept while the SDK is being loaded. */
const EARLY_MAX = 1_000;
const SCOPE = { name: 'millrace' };

/**
 * Traces by OpenTelemetry's own variables: `OTEL_EXPORTER_OTLP_ENDPOINT` (or `…_TRACES_ENDPOINT`) switches them on, `OTEL_TRACES_SAMPLER` and `_ARG` say of how many
 * runs, `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` who speaks, `OTEL_SDK_DISABLED=true` silences. The SDK (half a second, 20 MB) is loaded only then.
 */
export function openTraces(service: string, logger: Logger, env: Readonly<Record<string, string | undefined>> = process.env): Traces {
  const endpoint = env['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'] ?? env['OTEL_EXPORTER_OTLP_ENDPOINT'] ?? '';
  if (endpoint === '' || env['OTEL_SDK_DISABLED'] === 'true' || env['OTEL_TRACES_EXPORTER'] === 'none') return NONE;
  const sampling = samplingOf(env, logger);
  return sampling.ratio === 0 && !sampling.parentBased ? NONE : new OtlpTraces(service, sampling, logger, env);
}

function samplingOf(env: Readonly<Record<string, string | undefined>>, logger: Logger): Sampling {
  const name = env['OTEL_TRACES_SAMPLER'] ?? 'parentbased_always_on';
  const parentBased = name.startsWith('parentbased_');
  const share = Number(env['OTEL_TRACES_SAMPLER_ARG'] ?? '1');
  switch (name.replace('parentbased_', '')) {
    case 'always_on':
      return { ratio: 1, parentBased };
    case 'always_off':
      return { ratio: 0, parentBased };
    case 'traceidratio':
      if (share >= 0 && share <= 1) return { ratio: share, parentBased };
      logger.warn('OTEL_TRACES_SAMPLER_ARG is not a number from 0 to 1; every run is traced', { value: env['OTEL_TRACES_SAMPLER_ARG'] });
      return { ratio: 1, parentBased };
    default:
      logger.warn('OTEL_TRACES_SAMPLER is not known here; every run is traced', { value: name, known: ['always_on', 'always_off', 'traceidratio', 'parentbased_…'] });
      return { ratio: 1, parentBased: true };
  }
}

type Sdk = Awaited<ReturnType<typeof loadSdk>>;

class OtlpTraces implements Traces {
  readonly enabled = true;
  #sdk: Sdk | undefined;
  #early: FinishedSpan[] | undefined = [];
  readonly #loading: Promise<void>;

  constructor(service: string, readonly sampling: Sampling, logger: Logger, env: Readonly<Record<string, string | undefined>>) {
    this.#loading = loadSdk(env['OTEL_SERVICE_NAME'] ?? `millrace-${service}`, env).then(
      (sdk) => {
        this.#sdk = sdk;
        for (const span of this.#early ?? []) this.record(span);
        this.#early = undefined;
      },
      (error: unknown) => {
        this.#early = undefined;
        logger.error('traces are lost: the OpenTelemetry SDK could not be loaded', { error });
      },
    );
  }

  record(span: FinishedSpan): void {
    if (!span.trace.sampled) return;
    if (this.#sdk === undefined) {
      if (this.#early !== undefined && this.#early.length < EARLY_MAX) this.#early.push(span);
      return;
    }
    const { traceId, rootSpanId } = span.trace;
    const parentSpanId = span.parentSpanId ?? rootSpanId;
    const context = (spanId: string) => ({ traceId, spanId, traceFlags: TraceFlags.SAMPLED });
    const own = context(span.spanId ?? randomBytes(8).toString('hex'));
    const endMs = Math.max(span.startMs, span.endMs);
    this.#sdk.processor.onEnd({
      name: span.name,
      kind: KINDS[span.kind ?? 'internal'],
      spanContext: () => own,
      ...(parentSpanId === '' ? {} : { parentSpanContext: context(parentSpanId) }),
      startTime: hrTime(span.startMs),
      endTime: hrTime(endMs),
      duration: hrTime(endMs - span.startMs),
      status: span.error === undefined ? { code: SpanStatusCode.UNSET } : { code: SpanStatusCode.ERROR, message: maskText(span.error) },
      attributes: span.attributes ?? {},
      links: [], events: [], ended: true, resource: this.#sdk.resource, instrumentationScope: SCOPE,
      droppedAttributesCount: 0, droppedEventsCount: 0, droppedLinksCount: 0,
    });
  }

  async stop(): Promise<void> {
    await this.#loading;
    let timer: NodeJS.Timeout | undefined;
    const enough = new Promise<void>((resolve) => (timer = setTimeout(resolve, STOP_WITHIN_MS)));
    // A collector that is away must not keep a service from ending.
    await Promise.race([this.#sdk?.processor.shutdown().catch(() => undefined), enough]);
    clearTimeout(timer);
  }
}

async function loadSdk(serviceName: string, env: Readonly<Record<string, string | undefined>>) {
  const [{ BatchSpanProcessor }, { OTLPTraceExporter }, { resourceFromAttributes }] = await Promise.all([import('@opentelemetry/sdk-trace-node'), import('@opentelemetry/exporter-trace-otlp-http'), import('@opentelemetry/resources')]);
  const given = Object.fromEntries((env['OTEL_RESOURCE_ATTRIBUTES'] ?? '').split(',').flatMap((pair) => {
    const at = pair.indexOf('=');
    return at > 0 ? [[pair.slice(0, at).trim(), decodeURIComponent(pair.slice(at + 1).trim())]] : [];
  }));
  // Endpoint, headers and time-outs are the exporter's own reading of OTEL_EXPORTER_OTLP_*.
  return { processor: new BatchSpanProcessor(new OTLPTraceExporter()), resource: resourceFromAttributes({ ...given, 'service.name': serviceName }) };
}

function hrTime(ms: number): HrTime {
  const seconds = Math.floor(ms / 1_000);
  return [seconds, Math.round((ms - seconds * 1_000) * 1_000_000)];
}
