import type { InstanceId } from '@millrace/vocabulary';
import type { SlotsWish } from '../run/decision.js';
import type { Instance } from '../run/run.js';

/** Slots of the one pool of a simulated dag. */
export const POOL_SLOTS = 2;

/** The rows that say who waits for slots and who has them, as one statement writes them with a decision. */
export class SlotTable {
  readonly rows = new Map<InstanceId, { askedAtMs: number; state: 'waiting' | 'granted' | 'deferred' }>();

  told({ id, slotsAskedAtMs }: Instance, wish: SlotsWish): void {
    const row = this.rows.get(id);
    if (wish === 'give_back') this.rows.delete(id);
    else if (wish === 'ask') this.rows.set(id, { askedAtMs: slotsAskedAtMs ?? 0, state: 'waiting' });
    else if (row !== undefined) row.state = 'deferred';
  }

  /** Who gets what is free; nobody knows yet. */
  admit(): InstanceId[] {
    let free = POOL_SLOTS - [...this.rows.values()].filter((row) => row.state === 'granted').length;
    const granted: InstanceId[] = [];
    for (const [id, row] of this.rows) {
      if (row.state !== 'waiting' || free <= 0) continue;
      row.state = 'granted';
      free -= 1;
      granted.push(id);
    }
    return granted;
  }
}
