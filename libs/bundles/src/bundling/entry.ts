/** The module that imports the dag file and collects what it defines. It is in no folder. */
export const ENTRY = 'millrace-bundle-entry.js';
export const ENTRY_NAMESPACE = 'millrace';
/** As sources and errors name it. */
export const ENTRY_SOURCE = `${ENTRY_NAMESPACE}:${ENTRY}`;
