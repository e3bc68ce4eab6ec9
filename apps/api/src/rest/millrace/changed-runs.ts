import type { LiveUpdate } from '@millrace/live-updates';
import type { ChangedRunsReader } from '@millrace/persistence';
import type { Logger } from '@millrace/telemetry';

export const LOOK_EVERY_MS = 2_000;
/** A decision is dated by the beginning of its transaction, and seen at its end: so long is looked back behind the last look. */
const OVERLAP_MS = 10_000;
/** After a time in which nobody could look, no further back than this: readers have looked for themselves since. */
const BACK_MAX_MS = 120_000;

/** Tells of changed runs from what schedulers have decided, for the time in which no other process is heard: Redis is switched off, or away. */
export class ChangedRuns {
  #timer: NodeJS.Timeout | undefined;
  #told = new Map<string, string>();
  #lookedAt = 0;
  #isLooking = false;
  #hasFailed = false;

  /** @param isNeeded asked before each look */
  constructor(private readonly reader: Pick<ChangedRunsReader, 'within'>, private readonly isNeeded: () => boolean, private readonly tell: (update: LiveUpdate) => void, private readonly logger: Logger) {}

  start(): void {
    if (this.#timer !== undefined) return;
    this.#lookedAt = performance.now();
    this.#timer = setInterval(() => void this.#look(), LOOK_EVERY_MS);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#told.clear();
  }

  async #look(): Promise<void> {
    // A slow database is not asked twice at once.
    if (this.#isLooking) return;
    const at = performance.now();
    if (!this.isNeeded()) {
      this.#lookedAt = at;
      return;
    }
    this.#isLooking = true;
    try {
      const back = Math.min(BACK_MAX_MS, at - this.#lookedAt + OVERLAP_MS);
      const rows = await this.reader.within(back);
      if (this.#timer === undefined) return;
      this.#lookedAt = at;
      this.#hasFailed = false;
      const before = this.#told;
      this.#told = new Map(rows.map((row) => [row.id, row.version]));
      for (const row of rows) if (before.get(row.id) !== row.version) this.tell({ kind: 'run', dagId: row.dag_id, runId: row.run_id, state: row.state, atMs: Date.now() });
    } catch (error) {
      if (!this.#hasFailed) this.logger.warn('live updates could not be read from the database; tried again', { error });
      this.#hasFailed = true;
    } finally {
      this.#isLooking = false;
    }
  }
}
