import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';

export interface MetricOptions<Label extends string> {
  /** Without `millrace_`, unit last: `publishes_total`, `commit_seconds`. */
  readonly name: string;
  readonly help: string;
  readonly labels?: readonly Label[];
}

export interface Metrics {
  readonly registry: Registry;
  /** @param options.read the total so far, for what somebody counts anyway; asked when somebody asks. */
  counter<Label extends string = never>(options: MetricOptions<Label> & { readonly read?: () => number }): Counter<Label>;
  /** @param options.collect sets the value when somebody asks, for what is cheaper to look up than to keep. */
  gauge<Label extends string = never>(options: MetricOptions<Label> & { readonly collect?: (gauge: Gauge<Label>) => void | Promise<void> }): Gauge<Label>;
  /** @param options.buckets upper bounds; default 1 ms to 10 s, for seconds. */
  histogram<Label extends string = never>(options: MetricOptions<Label> & { readonly buckets?: readonly number[] }): Histogram<Label>;
}

const SECONDS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10];

/**
 * A service's own registry (several services may share a process), with the process's and event loop's metrics.
 * Asking twice for a name gives the same metric, so that parts created several times count together.
 * @param options.process false leaves out process and event-loop metrics.
 */
export function createMetrics(service: string, options: { readonly process?: boolean } = {}): Metrics {
  const registry = new Registry();
  registry.setDefaultLabels({ service });
  if (options.process !== false) collectDefaultMetrics({ register: registry, prefix: 'millrace_' });
  function once<Metric>(name: string, create: (fullName: string) => Metric): Metric {
    const fullName = `millrace_${name}`;
    return (registry.getSingleMetric(fullName) as Metric | undefined) ?? create(fullName);
  }
  return {
    registry,
    counter: ({ name, help, labels = [], read }) =>
      once(name, (fullName) => {
        const counter: Counter<(typeof labels)[number]> = new Counter({
          name: fullName, help, labelNames: [...labels], registers: [registry],
          ...(read === undefined ? {} : { collect: (): void => {
            counter.reset();
            counter.inc(read());
          } }),
        });
        return counter;
      }),
    gauge: ({ name, help, labels = [], collect }) =>
      once(name, (fullName) => {
        const gauge: Gauge<(typeof labels)[number]> = new Gauge({ name: fullName, help, labelNames: [...labels], registers: [registry], ...(collect === undefined ? {} : { collect: (): void | Promise<void> => collect(gauge) }) });
        return gauge;
      }),
    histogram: ({ name, help, labels = [], buckets = SECONDS }) => once(name, (fullName) => new Histogram({ name: fullName, help, labelNames: [...labels], buckets: [...buckets], registers: [registry] })),
  };
}
