/** The virtual clock: what is to happen, in time order; at the same time, in the order it was entered. Nothing waits for real. */
export class Agenda<Action> {
  nowMs: number;
  private entered = 0;
  private readonly heap: { atMs: number; order: number; action: Action }[] = [];

  constructor(startMs: number) {
    this.nowMs = startMs;
  }

  in(delayMs: number, action: Action): void {
    this.at(this.nowMs + delayMs, action);
  }

  at(atMs: number, action: Action): void {
    const entry = { atMs: Math.max(atMs, this.nowMs), order: this.entered++, action };
    const { heap } = this;
    let at = heap.length;
    heap.push(entry);
    for (let above = (at - 1) >> 1; at > 0; above = (at - 1) >> 1) {
      const parent = heap[above];
      if (parent === undefined || !isBefore(entry, parent)) break;
      heap[at] = parent;
      at = above;
    }
    heap[at] = entry;
  }

  /** Advances the clock to the next action; undefined: nothing will ever happen again. */
  next(): Action | undefined {
    const { heap } = this;
    const top = heap[0];
    const last = heap.pop();
    if (top === undefined || last === undefined) return undefined;
    if (heap.length > 0) this.sink(last);
    this.nowMs = top.atMs;
    return top.action;
  }

  private sink(entry: { atMs: number; order: number; action: Action }): void {
    const { heap } = this;
    let at = 0;
    for (;;) {
      const left = at * 2 + 1;
      const l = heap[left];
      if (l === undefined) break;
      const r = heap[left + 1];
      const [below, child] = r !== undefined && isBefore(r, l) ? [left + 1, r] : [left, l];
      if (!isBefore(child, entry)) break;
      heap[at] = child;
      at = below;
    }
    heap[at] = entry;
  }
}

function isBefore(a: { atMs: number; order: number }, b: { atMs: number; order: number }): boolean {
  return a.atMs !== b.atMs ? a.atMs < b.atMs : a.order < b.order;
}
