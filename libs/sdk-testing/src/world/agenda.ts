/** What is to come, by the time of the test. Of the same moment what was put in first comes first. */
export class Agenda {
  private readonly entries: { readonly atMs: number; readonly order: number; readonly act: () => void }[] = [];
  private made = 0;

  constructor(public nowMs: number) {}

  /** @returns what takes it off again */
  at(atMs: number, act: () => void): () => void {
    const entry = { atMs: Math.max(atMs, this.nowMs), order: this.made++, act };
    this.entries.push(entry);
    return () => {
      const index = this.entries.indexOf(entry);
      if (index >= 0) this.entries.splice(index, 1);
    };
  }

  get hasNext(): boolean {
    return this.entries.length > 0;
  }

  /** Moves the clock to the next entry and carries it out. */
  next(): void {
    let first = 0;
    for (let i = 1; i < this.entries.length; i++) {
      const [a, b] = [this.entries[first], this.entries[i]];
      if (a !== undefined && b !== undefined && (b.atMs < a.atMs || (b.atMs === a.atMs && b.order < a.order))) first = i;
    }
    const [entry] = this.entries.splice(first, 1);
    if (entry === undefined) return;
    this.nowMs = Math.max(this.nowMs, entry.atMs);
    entry.act();
  }
}
