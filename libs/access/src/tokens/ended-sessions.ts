import { endSession, endedSessions } from '@millrace/persistence';
import type { SqlRunner } from '@millrace/persistence';

/** A logout is seen this late by the other processes. */
const KNOWN_MS = 1_000;

/** Sessions that were logged out before their time. */
export class EndedSessions {
  #known: { readonly ids: Promise<Set<string>>; readonly untilMs: number } | null = null;

  constructor(private readonly db: SqlRunner) {}

  async end(id: string, endsAt: Date): Promise<void> {
    await endSession(this.db, id, endsAt);
    this.#known = null;
  }

  async has(id: string): Promise<boolean> {
    const now = performance.now();
    if (this.#known === null || this.#known.untilMs <= now) {
      const ids = endedSessions(this.db).then((list) => new Set(list));
      this.#known = { ids, untilMs: now + KNOWN_MS };
      ids.catch(() => {
        this.#known = null;
      });
    }
    return (await this.#known.ids).has(id);
  }
}
