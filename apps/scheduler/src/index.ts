export { SchedulerService, createScheduler } from './scheduler.service.js';
export type { SchedulerServiceOptions } from './scheduler.service.js';
