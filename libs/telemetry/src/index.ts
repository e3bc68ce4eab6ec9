export type { LogFields, Logger } from './logger.js';
export { createLogger } from './create-logger.js';
export type { LoggerOptions } from './create-logger.js';
export { maskText, registerSecret } from './masking.js';
export { createMetrics } from './create-metrics.js';
export type { MetricOptions, Metrics } from './create-metrics.js';
export { OpsServer } from './ops-server.js';
export type { OpsServerOptions } from './ops-server.js';
