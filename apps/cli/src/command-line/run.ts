/** What a command does. A number is its exit code. */
export type Handler = (...args: never[]) => Promise<number | void> | number | void;

/** Makes a handler that is loaded when it is called into what the command line calls. */
export type Run = (load: () => Promise<Handler>) => (...args: unknown[]) => Promise<void>;
