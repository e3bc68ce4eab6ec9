export { OneAttemptBroker } from './one-attempt-broker.js';
export { Worker, createWorker } from './worker.service.js';
export type { WorkerOptions } from './worker.service.js';
