import { randomUUID } from 'node:crypto';
import type { LiveUpdate, LiveUpdates } from '@millrace/live-updates';
import type { ChangedRuns } from './changed-runs.js';

export interface NumberedUpdate {
  /** Of this process: another one counts anew. */
  readonly id: string;
  readonly update: LiveUpdate;
}

/** So many are kept for readers that come back; a few seconds of a busy installation. */
const KEPT = 4_000;

/** The newest updates with numbers, so that a reader whose connection broke goes on where it was, or hears that it cannot. */
export class RecentUpdates {
  #process = randomUUID().slice(0, 8);
  readonly #kept: NumberedUpdate[] = [];
  readonly #followers = new Set<(update: NumberedUpdate) => void>();
  #count = 0;
  #isListening = false;

  readonly #changedRuns: Pick<ChangedRuns, 'start' | 'stop'> | null;

  /** @param changedRuns tells while other processes are not heard; null: they always are */
  constructor(private readonly liveUpdates: LiveUpdates, changedRuns: ((tell: (update: LiveUpdate) => void) => Pick<ChangedRuns, 'start' | 'stop'>) | null = null) {
    this.#changedRuns = changedRuns === null ? null : changedRuns((update) => this.#take(update));
  }

  /** Hears everything from now on. From the first follower on updates are kept, also while nobody follows. */
  follow(follower: (update: NumberedUpdate) => void): () => void {
    if (!this.#isListening) this.liveUpdates.subscribe((update) => this.#take(update));
    this.#isListening = true;
    this.#followers.add(follower);
    this.#changedRuns?.start();
    return () => {
      this.#followers.delete(follower);
      if (this.#followers.size > 0) return;
      this.#changedRuns?.stop();
      // Nobody looks from here on: who comes back must not believe that nothing happened.
      if (this.#changedRuns !== null && !this.liveUpdates.hearsOthers) this.#process = randomUUID().slice(0, 8);
    };
  }

  /** What came after that id; null when that is not known any more (another process, too long ago). */
  since(id: string): readonly NumberedUpdate[] | null {
    const [process, number] = id.split('-');
    const from = Number(number);
    if (process !== this.#process || !Number.isSafeInteger(from) || from > this.#count || from < this.#count - this.#kept.length) return null;
    return this.#kept.slice(this.#kept.length - (this.#count - from));
  }

  #take(update: LiveUpdate): void {
    const numbered = { id: `${this.#process}-${++this.#count}`, update };
    this.#kept.push(numbered);
    if (this.#kept.length > KEPT * 2) this.#kept.splice(0, this.#kept.length - KEPT);
    for (const follower of this.#followers) follower(numbered);
  }
}
