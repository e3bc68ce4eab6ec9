/** Injection tokens of what has no class of its own. */
export const COMMANDS = Symbol('Commands');
export const CONFIGURATION = Symbol('Configuration');
export const LOGGER = Symbol('Logger');
export const LIVE_UPDATES = Symbol('LiveUpdates');
export const TRACES = Symbol('Traces');
export const PAGE_LIMIT_MAX = Symbol('largest page');
export const OPENAPI_DOCUMENT = Symbol('openapi document');
