/** What the dag-processor says it is. */
export const VERSION = '0.1.0';
