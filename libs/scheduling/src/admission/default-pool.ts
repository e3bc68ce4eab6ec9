import { DEFAULT_POOL } from '@millrace/engine';
import type { SlotRequests } from '@millrace/persistence';

/**
 * Whether somebody gave the default pool a limit. Without one its tasks ask nobody (decision 0005); with one they are counted like those of any
 * pool, what was queued before included. Looked at with every heartbeat, and when a pool is changed.
 */
export class DefaultPool {
  #isCounted = false;

  constructor(private readonly requests: SlotRequests) {}

  get isCounted(): boolean {
    return this.#isCounted;
  }

  async look(): Promise<void> {
    const slots = await this.requests.slotsOfPool(DEFAULT_POOL);
    const isCounted = slots !== null && slots >= 0;
    if (isCounted && !this.#isCounted) await this.requests.adopt(DEFAULT_POOL);
    this.#isCounted = isCounted;
  }
}
