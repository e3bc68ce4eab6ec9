/** Looks per fence period: the fence fires at most this fraction late. */
const TICKS = 10;

/**
 * Ends a process whose worker has gone silent. Silence is counted in ticks of the own event loop, so that time in which this
 * process itself could not listen (a task that computes, a stopped machine) is not taken for silence of the other side.
 */
export class SelfFence {
  private silentMs = 0;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly fenceMs: number,
    private readonly onSilence: () => void,
  ) {}

  start(): void {
    const tickMs = Math.max(1, Math.floor(this.fenceMs / TICKS));
    this.stop();
    this.silentMs = 0;
    this.timer = setInterval(() => this.tick(tickMs), tickMs);
  }

  heard(): void {
    this.silentMs = 0;
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private tick(tickMs: number): void {
    this.silentMs += tickMs;
    if (this.silentMs < this.fenceMs) return;
    this.stop();
    this.onSilence();
  }
}
