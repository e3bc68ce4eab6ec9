/** What the api says it is. */
export const VERSION = '0.1.0';
