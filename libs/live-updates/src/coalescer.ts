import type { LiveUpdate } from './live-updates.js';

/** At most one send in this time: a browser can't use more, and a wide run changes 10,000 instances a second. */
export const SEND_EVERY_MS = 25;
/** Things that may have changed between two sends; what is more is dropped and counted. */
const MAX_GATHERED = 5_000;

/** The last state of each thing since the last send: the first update leaves at once, a flood becomes one message every 25 ms. */
export class Coalescer {
  private gathered = new Map<string, LiveUpdate>();
  private timer: NodeJS.Timeout | null = null;
  private sentAt = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly send: (updates: readonly LiveUpdate[]) => void,
    private readonly onDropped: (count: number) => void,
  ) {}

  add(updates: readonly LiveUpdate[]): void {
    let dropped = 0;
    for (const update of updates) {
      const key = `${update.kind}\n${update.dagId ?? ''}\n${update.runId ?? ''}\n${update.taskId ?? ''}\n${update.mapIndex ?? ''}`;
      if (this.gathered.size < MAX_GATHERED || this.gathered.has(key)) this.gathered.set(key, update);
      else dropped++;
    }
    if (dropped > 0) this.onDropped(dropped);
    if (this.timer !== null || this.gathered.size === 0) return;
    const waitMs = Math.max(0, this.sentAt + SEND_EVERY_MS - performance.now());
    this.timer = setTimeout(() => this.flush(), waitMs);
  }

  /** Forgets what was not sent. */
  clear(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    this.gathered.clear();
  }

  private flush(): void {
    const updates = [...this.gathered.values()];
    this.timer = null;
    this.gathered = new Map();
    this.sentAt = performance.now();
    this.send(updates);
  }
}
