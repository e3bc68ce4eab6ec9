export type { HealthReport, Service } from './service.js';
