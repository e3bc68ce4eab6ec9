import { setTimeout as delay } from 'node:timers/promises';
import { MillraceError } from '@millrace/vocabulary';

/** After this many failures in the window a name (or an address) has to wait. */
const FAILURES_MAX = 10;
const WINDOW_MS = 60_000;
/** Names and addresses remembered; beyond it the oldest are forgotten. */
const REMEMBERED_MAX = 10_000;
/** Each failure makes the next attempt this much slower. */
const STEP_MS = 50;

/** Slows down guessing of passwords, per name and per address, in this process. */
export class LoginThrottle {
  readonly #failures = new Map<string, { count: number; sinceMs: number }>();

  /** Waits a little after failures. @throws MillraceError `unavailable` after too many. */
  async pass(name: string, address: string): Promise<void> {
    const count = Math.max(this.#count(`name:${name}`), this.#count(`address:${address}`) / 5);
    if (count >= FAILURES_MAX) throw new MillraceError('unavailable', 'Too many failed logins; try again in a minute');
    if (count >= 1) await delay(STEP_MS * count);
  }

  failed(name: string, address: string): void {
    for (const key of [`name:${name}`, `address:${address}`]) {
      const known = this.#failures.get(key);
      this.#failures.delete(key);
      this.#failures.set(key, known && Date.now() - known.sinceMs < WINDOW_MS ? { ...known, count: known.count + 1 } : { count: 1, sinceMs: Date.now() });
    }
    while (this.#failures.size > REMEMBERED_MAX) this.#failures.delete(this.#failures.keys().next().value!);
  }

  succeeded(name: string, address: string): void {
    this.#failures.delete(`name:${name}`);
    this.#failures.delete(`address:${address}`);
  }

  #count(key: string): number {
    const known = this.#failures.get(key);
    return known && Date.now() - known.sinceMs < WINDOW_MS ? known.count : 0;
  }
}
