/**
 * The database's time, known from what each commit returns. All decisions are made on it, so that schedulers
 * whose own clocks differ (or jump) agree.
 */
export class DatabaseClock {
  #offsetMs = 0;
  #known = false;

  /** Milliseconds since 1970 UTC by the database's clock. */
  now(): number {
    return this.#monotonic() + this.#offsetMs;
  }

  get known(): boolean {
    return this.#known;
  }

  /** @param databaseNowMs what a statement returned just now. The newest answer wins: it errs by one round trip at most. */
  observe(databaseNowMs: number): void {
    this.#offsetMs = databaseNowMs - this.#monotonic();
    this.#known = true;
  }

  /** Monotonic, so that a step of this machine's wall clock does nothing. */
  #monotonic(): number {
    return performance.timeOrigin + performance.now();
  }
}
