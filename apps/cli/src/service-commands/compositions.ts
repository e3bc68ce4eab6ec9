import type { Configuration } from '@millrace/configuration';
import type { Service } from '@millrace/lifecycle';
import type { LiveUpdates } from '@millrace/live-updates';
import type { Broker } from '@millrace/messaging';
import type { Logger } from '@millrace/telemetry';

export interface CompositionOptions {
  readonly config: Configuration;
  readonly logger?: Logger;
  /** Default: RabbitMQ and Redis as configured. */
  readonly broker?: Broker;
  readonly liveUpdates?: LiveUpdates;
}

export type Composition = (options: CompositionOptions) => Promise<Service> | Service;

/** How each service is put together; loaded when needed, because a service brings half of node_modules along. */
export const COMPOSITIONS = {
  'log-server': async () => (await import('@millrace/log-server')).createLogServer,
  scheduler: async () => (await import('@millrace/scheduler')).createScheduler,
  api: async () => (await import('@millrace/api')).createApi,
  'dag-processor': async () => (await import('@millrace/dag-processor')).createDagProcessor,
  'pod-launcher': async () => (await import('@millrace/pod-launcher')).createPodLauncher,
  worker: async () => (await import('@millrace/worker')).createWorker,
} as const satisfies Record<string, () => Promise<Composition>>;

export type ServiceName = keyof typeof COMPOSITIONS;
