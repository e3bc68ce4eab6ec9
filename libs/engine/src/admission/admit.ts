import { FairShares } from './fair-shares.js';
import type { ShareTags } from './fair-shares.js';
import type { Waiting } from './waiting-line.js';
import { WaitingLine, comesBefore } from './waiting-line.js';

/** An instance that asks for slots counted over all runs. */
export interface SlotAsk extends Waiting {
  readonly dagId: string;
  readonly taskId: string;
  readonly pool: string;
  readonly slots: number;
  /** Slots of its pool that it has already: it was deferred in a pool that counts these. */
  readonly kept: number;
  /** max_active_tis_per_dag; null: no limit. */
  readonly maxPerTask: number | null;
  /** The dag's max_active_tasks over all its runs; null: no limit. */
  readonly maxPerDag: number | null;
  /** The pool is a team's, and the dag is not that team's. @default false */
  readonly isForeign?: boolean;
}

export interface PoolRoom {
  readonly name: string;
  /** -1: no limit. 0: closed; what asks waits. */
  readonly slots: number;
  /** Slots that are taken, those kept by deferred instances included where the pool counts them. */
  readonly held: number;
}

/** What is taken now. */
export interface Taken {
  readonly pools: readonly PoolRoom[];
  /** Granted instances by `taskKey`. */
  readonly byTask: ReadonlyMap<string, number>;
  /** Granted instances by dag id. */
  readonly byDag: ReadonlyMap<string, number>;
}

export interface Admitted<Ask extends SlotAsk> {
  readonly granted: readonly Ask[];
  /** These can never have what they ask for. */
  readonly refused: readonly { readonly ask: Ask; readonly reason: string }[];
}

/** Tags of shares by pool; given back changed, to be stored. */
export type PoolTags = Map<string, ShareTags>;

export function taskKey({ dagId, taskId }: Pick<SlotAsk, 'dagId' | 'taskId'>): string {
  return `${dagId}\n${taskId}`;
}

/**
 * Who of those that ask gets slots now. Never more than any limit allows. In the order of the line; an ask held up by a limit of its dag or task
 * does not hold up others, and one that needs more slots than its pool has free reserves them: nobody behind it in that pool goes first, so a
 * big task is not starved by small ones.
 */
export function admit<Ask extends SlotAsk>(asks: readonly Ask[], taken: Taken, tags: PoolTags): Admitted<Ask> {
  const granted: Ask[] = [];
  const refused: { ask: Ask; reason: string }[] = [];
  const lines = new Map<string, { line: WaitingLine<Ask>; room: number }>();
  for (const pool of taken.pools) {
    const shares = tagsOf(tags, pool.name);
    const teams = tagsOf(tags, teamsOf(pool.name));
    lines.set(pool.name, { line: new WaitingLine<Ask>(new FairShares(teams), new FairShares(shares)), room: pool.slots < 0 ? Number.MAX_SAFE_INTEGER : pool.slots - pool.held });
  }
  const slotsOf = new Map(taken.pools.map((pool) => [pool.name, pool.slots]));
  for (const ask of asks) {
    const reason = impossible(ask, slotsOf.get(ask.pool));
    if (reason !== null) refused.push({ ask, reason });
    else lines.get(ask.pool)!.line.put(ask);
  }

  const byTask = new Map(taken.byTask);
  const byDag = new Map(taken.byDag);
  const open = new Set(lines.values());
  const isHeldUp = (ask: Ask): boolean =>
    (ask.maxPerTask !== null && (byTask.get(taskKey(ask)) ?? 0) >= ask.maxPerTask) || (ask.maxPerDag !== null && (byDag.get(ask.dagId) ?? 0) >= ask.maxPerDag);
  const grant = (ask: Ask, at: { line: WaitingLine<Ask>; room: number }): void => {
    at.line.remove(ask.key);
    at.line.served(ask, ask.slots);
    at.room -= ask.slots - ask.kept;
    byTask.set(taskKey(ask), (byTask.get(taskKey(ask)) ?? 0) + 1);
    byDag.set(ask.dagId, (byDag.get(ask.dagId) ?? 0) + 1);
    granted.push(ask);
  };
  // Who has its slots already takes none from anybody, and who waits for the pool to empty would wait for it.
  for (const ask of asks) {
    const at = lines.get(ask.pool);
    if (at !== undefined && ask.kept >= ask.slots && at.line.get(ask.key) === ask && !isHeldUp(ask)) grant(ask, at);
  }
  for (;;) {
    let next: { ask: Ask; at: { line: WaitingLine<Ask>; room: number } } | undefined;
    for (const at of open) {
      const ask = at.line.first();
      if (ask === undefined) open.delete(at);
      else if (next === undefined || comesBefore(ask, next.ask)) next = { ask, at };
    }
    if (next === undefined) return { granted, refused };
    const { ask, at } = next;
    if (isHeldUp(ask)) at.line.remove(ask.key);
    else if (ask.slots - ask.kept > at.room) open.delete(at);
    else grant(ask, at);
  }
}

/** Tags of a pool's teams are kept beside those of its shares. */
export function teamsOf(pool: string): string {
  return `${pool}\nteams`;
}

function tagsOf(tags: PoolTags, name: string): ShareTags {
  const known = tags.get(name);
  if (known !== undefined) return known;
  const made: ShareTags = { clock: 0, next: new Map() };
  tags.set(name, made);
  return made;
}

function impossible(ask: SlotAsk, slots: number | undefined): string | null {
  if (slots === undefined) return `pool "${ask.pool}" does not exist. Make it (millrace pools set ${ask.pool} SLOTS "…"), or name another in the task; then clear the task`;
  if (ask.isForeign === true) return `pool "${ask.pool}" belongs to another team than dag "${ask.dagId}". Name a pool of the dag's team or of none in the task, or let whoever owns the pool leave it to everybody; then clear the task`;
  if (slots > 0 && ask.slots > slots) return `it needs ${ask.slots} slots of pool "${ask.pool}", which has ${slots} in all. Give the pool more, or the task fewer (poolSlots); then clear the task`;
  return null;
}
