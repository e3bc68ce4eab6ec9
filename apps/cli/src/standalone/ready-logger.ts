import type { LogFields, Logger } from '@millrace/telemetry';

/** Remembers what a service says with its line `ready`: its ports. */
export class ReadyLogger implements Logger {
  constructor(
    private readonly inner: Logger,
    private readonly facts: Record<string, unknown> = {},
  ) {}

  port(field: string): number {
    const value = this.facts[field];
    if (typeof value !== 'number' || value < 1) throw new Error(`a service did not say its ${field} when it was ready`);
    return value;
  }

  debug(message: string, fields?: LogFields): void {
    this.inner.debug(message, fields);
  }
  info(message: string, fields?: LogFields): void {
    if (message === 'ready') Object.assign(this.facts, fields);
    this.inner.info(message, fields);
  }
  warn(message: string, fields?: LogFields): void {
    this.inner.warn(message, fields);
  }
  error(message: string, fields?: LogFields): void {
    this.inner.error(message, fields);
  }
  child(fields: LogFields): Logger {
    return new ReadyLogger(this.inner.child(fields), this.facts);
  }
}
