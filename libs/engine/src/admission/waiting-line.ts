import { FairShares } from './fair-shares.js';

/** Somebody who waits for room: a run with its most urgent task, or an instance that asks for slots. */
export interface Waiting {
  /** Unique in its line. */
  readonly key: string;
  /** Effective priority: the highest is first. */
  readonly priority: number;
  readonly team: string;
  /** Whom it is for: a dag, or a backfill. Those of one team with the same priority take turns. */
  readonly share: string;
  /** Logical date (or when the run is due), ms. Within a share the oldest is first. */
  readonly orderMs: number;
  /** The last word of the order. */
  readonly name: string;
}

/** Within one share: priority, then the older logical date, then the name. */
export function comesBefore(a: Waiting, b: Waiting): boolean {
  if (a.priority !== b.priority) return a.priority > b.priority;
  if (a.orderMs !== b.orderMs) return a.orderMs < b.orderMs;
  return a.name !== b.name ? a.name < b.name : a.key < b.key;
}

interface Group<T extends Waiting> {
  readonly team: string;
  readonly share: string;
  readonly heap: T[];
}

/**
 * Who is next: the highest priority; among equals the team, then the dag or backfill, whose turn it is; then the older logical date, then the name.
 * In and out cost O(log n), the next one O(shares that wait).
 */
export class WaitingLine<T extends Waiting> {
  readonly #entries = new Map<string, T>();
  readonly #groups = new Map<string, Group<T>>();

  constructor(
    private readonly teams = new FairShares(),
    private readonly shares = new FairShares(),
  ) {}

  get size(): number {
    return this.#entries.size;
  }

  get(key: string): T | undefined {
    return this.#entries.get(key);
  }

  /** Replaces what waits under the same key. */
  put(entry: T): void {
    this.#entries.set(entry.key, entry);
    const id = groupId(entry);
    let group = this.#groups.get(id);
    if (group === undefined) {
      group = { team: entry.team, share: entry.share, heap: [] };
      this.#groups.set(id, group);
    }
    push(group.heap, entry);
  }

  remove(key: string): void {
    this.#entries.delete(key);
  }

  first(): T | undefined {
    let best: T | undefined;
    for (const [id, group] of this.#groups) {
      const head = this.#headOf(group);
      if (head === undefined) this.#groups.delete(id);
      else if (best === undefined || this.#isNext(head, best)) best = head;
    }
    return best;
  }

  /** It was given so much: the others of its priority are next. */
  served(entry: Waiting, amount: number): void {
    this.teams.served(entry.team, amount);
    this.shares.served(groupId(entry), amount);
    if (this.#groups.size === 0) {
      this.teams.tidy();
      this.shares.tidy();
    }
  }

  #isNext(a: T, b: T): boolean {
    if (a.priority !== b.priority) return a.priority > b.priority;
    if (a.team !== b.team) {
      const byTeam = this.teams.turnOf(a.team) - this.teams.turnOf(b.team);
      if (byTeam !== 0) return byTeam < 0;
    }
    if (a.share !== b.share) {
      const byShare = this.shares.turnOf(groupId(a)) - this.shares.turnOf(groupId(b));
      if (byShare !== 0) return byShare < 0;
    }
    return comesBefore(a, b);
  }

  /** Entries that were replaced or removed stay in the heap until they come up. */
  #headOf({ heap }: Group<T>): T | undefined {
    for (let head = heap[0]; head !== undefined; head = heap[0]) {
      if (this.#entries.get(head.key) === head) return head;
      pop(heap);
    }
    return undefined;
  }
}

export function groupId({ team, share }: Pick<Waiting, 'team' | 'share'>): string {
  return `${team}\n${share}`;
}

function push<T extends Waiting>(heap: T[], entry: T): void {
  let at = heap.length;
  heap.push(entry);
  while (at > 0) {
    const above = (at - 1) >> 1;
    const parent = heap[above]!;
    if (!comesBefore(entry, parent)) break;
    heap[at] = parent;
    at = above;
  }
  heap[at] = entry;
}

function pop<T extends Waiting>(heap: T[]): void {
  const last = heap.pop();
  if (last === undefined || heap.length === 0) return;
  let at = 0;
  for (;;) {
    const left = at * 2 + 1;
    if (left >= heap.length) break;
    const below = left + 1 < heap.length && comesBefore(heap[left + 1]!, heap[left]!) ? left + 1 : left;
    if (!comesBefore(heap[below]!, last)) break;
    heap[at] = heap[below]!;
    at = below;
  }
  heap[at] = last;
}
