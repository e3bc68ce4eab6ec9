export { LogServer, createLogServer } from './log-server.service.js';
export type { LogServerOptions } from './log-server.service.js';
export { shipLogsOnce } from './shipping/ship-logs-once.js';
