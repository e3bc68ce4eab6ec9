export type { ByteRange, ObjectStore, StoredObject } from './object-store.js';
export { openObjectStore } from './open-object-store.js';
export { logPartKey, partsPrefix } from './task-logs/log-parts.js';
export { readStoredLog } from './task-logs/stored-log.js';
export type { StoredLog } from './task-logs/stored-log.js';
