export type { LiveUpdate, LiveUpdates } from './live-updates.js';
