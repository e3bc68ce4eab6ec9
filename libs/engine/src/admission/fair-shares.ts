/** What has been given to whom, so that those who want the same get the same. Plain data: it can be stored and read again. */
export interface ShareTags {
  /** How far the line has come: where who asks for the first time, or after a pause, begins. */
  clock: number;
  /** By share: where its next turn begins. */
  readonly next: Map<string, number>;
}

/**
 * Start-time fair queueing: each share has a tag that grows by what it was given, and the lowest tag is served next. Who was away comes back at the
 * clock of the line, so that a pause is neither saved up nor punished. Between two shares that always wait, what they were given
 * never differs by more than one turn of each.
 */
export class FairShares {
  constructor(readonly tags: ShareTags = { clock: 0, next: new Map() }) {}

  /** Where its next turn begins; the lowest is served first. */
  turnOf(share: string): number {
    return Math.max(this.tags.next.get(share) ?? 0, this.tags.clock);
  }

  served(share: string, amount: number): void {
    const begins = this.turnOf(share);
    this.tags.clock = Math.max(this.tags.clock, begins);
    this.tags.next.set(share, begins + amount);
  }

  /** Tags the clock has passed say nothing any more. */
  tidy(): void {
    for (const [share, next] of this.tags.next) if (next <= this.tags.clock) this.tags.next.delete(share);
  }
}
