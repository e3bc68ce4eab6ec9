import type { Configuration } from '@millrace/configuration';
import { clientTlsOf } from '@millrace/lifecycle';
import { InProcessHub, InProcessLiveUpdates, RedisLiveUpdates } from '@millrace/live-updates';
import type { LiveUpdates } from '@millrace/live-updates';
import { AmqpBroker } from '@millrace/messaging';
import type { Broker } from '@millrace/messaging';
import { createLogger, createMetrics, openTraces } from '@millrace/telemetry';
import type { Logger, Metrics } from '@millrace/telemetry';
import { ApiService } from './api.service.js';

export { ApiService } from './api.service.js';

export interface ApiOptions {
  readonly config: Configuration;
  readonly logger?: Logger;
  /** Default: RabbitMQ from the configuration, started and stopped with the api. */
  readonly broker?: Broker;
  /** Default: Redis from the configuration. */
  readonly liveUpdates?: LiveUpdates;
}

/** The api: REST, gRPC for dag-processors, the web UI. After `start()` its ports are in `httpPort` and `grpcPort`. */
export function createApi(options: ApiOptions): ApiService {
  const { config } = options;
  const logger = options.logger ?? createLogger({ service: 'api', level: config['logging.level'], format: config['logging.format'] });
  const metrics = createMetrics('api');
  return new ApiService({
    config,
    logger,
    metrics,
    traces: openTraces('api', logger),
    broker: options.broker ?? new AmqpBroker({ url: config['broker.url'], tls: clientTlsOf(config, 'broker'), queueType: config['broker.queue_type'], confirmTimeoutMs: config['broker.confirm_timeout_ms'], service: 'api', logger, metrics }),
    liveUpdates: options.liveUpdates ?? liveUpdatesOf(config, logger, metrics),
    owns: { broker: options.broker === undefined, liveUpdates: options.liveUpdates === undefined },
  });
}

function liveUpdatesOf(config: Configuration, logger: Logger, metrics: Metrics): LiveUpdates {
  return config['redis.enabled'] ? new RedisLiveUpdates({ url: config['redis.url'], tls: clientTlsOf(config, 'redis'), logger, metrics }) : new InProcessLiveUpdates(new InProcessHub(), false);
}
