import { ManagedService } from './managed-service.js';
import type { Service } from './service.js';

/** Starts services in order and stops them in reverse, all of them even when one fails to stop. */
export class ServiceGroup extends ManagedService {
  constructor(
    readonly name: string,
    private readonly services: readonly Service[],
  ) {
    super();
  }

  protected async open(signal: AbortSignal): Promise<void> {
    for (const service of this.services) {
      signal.throwIfAborted();
      await service.start();
    }
  }

  protected async close(): Promise<void> {
    const errors: unknown[] = [];
    for (const service of this.services.toReversed()) {
      try {
        await service.stop();
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length === 1) throw errors[0];
    if (errors.length > 1) throw new AggregateError(errors, `${this.name}: ${errors.length} parts did not stop cleanly`);
  }
}
