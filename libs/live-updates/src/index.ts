export type { LiveUpdate, LiveUpdates, Presence, PresenceKind } from './live-updates.js';
export { RedisLiveUpdates } from './redis-live-updates.js';
export type { RedisLiveUpdatesOptions } from './redis-live-updates.js';
export { InProcessHub, InProcessLiveUpdates } from './in-process-live-updates.js';
