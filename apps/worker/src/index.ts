export { Worker, createWorker } from './worker.service.js';
export type { WorkerOptions } from './worker.service.js';
