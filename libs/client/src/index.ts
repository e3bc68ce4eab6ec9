export { MillraceClient } from './millrace-client.js';
export type { CallOptions, ClientOptions, TriggerOptions } from './millrace-client.js';
export type { Run, TaskInstance, WatchRunResponse } from './messages.js';
