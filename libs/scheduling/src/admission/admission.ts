import { admit, taskKey } from '@millrace/engine';
import type { PoolTags, ShareTags } from '@millrace/engine';
import { SlotPass, SlotRequests, isTransient } from '@millrace/persistence';
import type { AskedSlots, Database, GrantedSlots, SlotsAsked } from '@millrace/persistence';
import { wakePartition } from '@millrace/contracts';
import type { Broker } from '@millrace/messaging';
import type { Logger } from '@millrace/telemetry';
import type { InstanceId, RunId } from '@millrace/vocabulary';
import type { ApplyRuns } from '../apply-runs/apply-runs.js';
import { messageOf } from '../apply-runs/apply-runs.js';

/** Asks of one dag or backfill that one pass looks at; the next pass sees the rest. */
const MAX_PER_SHARE = 200;
/** The pool's clock among the tags of its shares: the name of no team and no share. */
const CLOCK = '\n';
/** Grants nobody acted on are told again when they are this old. */
const UNHEARD_AFTER_MS = 1_000;

/**
 * Slots counted over all runs: pools, a task's or a dag's limit over its runs. Who asks has a row, written with the decision; a pass locks, counts
 * what is taken, grants in order, and commits. Any scheduler may make a pass at any time: the lock lets one count at a time, so no limit is ever
 * exceeded, and there is no leader. Runs are told afterwards; who dies in between is made up for by the sweep.
 */
export class Admission {
  readonly counters = { passes: 0, granted: 0, refused: 0, failures: 0 };
  readonly #requests: SlotRequests;
  #mine: (partition: number) => boolean = () => true;
  #running: Promise<void> | undefined;
  #again = false;

  constructor(
    private readonly database: Database,
    private readonly apply: ApplyRuns,
    private readonly broker: Broker,
    private readonly doorbell: boolean,
    private readonly logger: Logger,
  ) {
    this.#requests = new SlotRequests(database.hot);
  }

  own(mine: (partition: number) => boolean): void {
    this.#mine = mine;
  }

  /** Slots were asked for or given back, or a limit changed. One pass at a time; what comes meanwhile is seen by the next. */
  ring(): void {
    if (this.#running !== undefined) {
      this.#again = true;
      return;
    }
    this.#running = this.#work().finally(() => (this.#running = undefined));
  }

  /** Resolves when no pass is under way. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  /** Runs whose instances got slots by another scheduler's pass. */
  async heard(runs: readonly RunId[]): Promise<void> {
    try {
      this.#tell(await this.#requests.grantsOf(runs));
    } catch (error) {
      this.logger.debug('grants are left to the sweeper', { error: messageOf(error) });
    }
  }

  /** What events missed. Returns how many grants nobody had acted on. */
  async sweep(): Promise<number> {
    if (await this.#requests.anybodyAsks()) this.ring();
    const unheard = await this.#requests.unheard(UNHEARD_AFTER_MS);
    this.#tell(unheard);
    const left = await this.#requests.dropLeft();
    if (left > 0) this.ring();
    return unheard.length;
  }

  async #work(): Promise<void> {
    do {
      this.#again = false;
      try {
        this.#again = (await this.#pass()) || this.#again;
      } catch (error) {
        this.counters.failures++;
        this.logger[isTransient(error) ? 'debug' : 'error']('slots could not be granted now; the sweeper looks again', { error: messageOf(error) });
      }
    } while (this.#again);
  }

  /** true: there may be more to grant. */
  async #pass(): Promise<boolean> {
    this.counters.passes++;
    const { granted, refused, isCut } = await this.database.hot.inTransaction(async (tx) => {
      const pass = new SlotPass(tx);
      const asked = await pass.asked(MAX_PER_SHARE);
      if (asked.asks.length === 0) return { granted: [], refused: [], isCut: false };
      const tags = tagsFrom(asked);
      const before = new Map([...tags].map(([pool, { clock, next }]) => [pool, { clock, next: new Map(next) }]));
      const chosen = admit(asked.asks, takenFrom(asked), tags);
      const got = chosen.granted.length === 0 ? [] : await pass.grant(chosen.granted);
      const turns = changedTurns(before, tags);
      if (turns.length > 0) await pass.keepTurns(turns);
      return { granted: got, refused: chosen.refused, isCut: chosen.granted.length > 0 && asked.asks.length >= MAX_PER_SHARE };
    });
    this.counters.granted += granted.length;
    this.counters.refused += refused.length;
    for (const { ask, reason } of refused) this.#refuse(ask, reason);
    this.#route(granted);
    return isCut;
  }

  /** To the scheduler that has the run in memory; it is only faster there. */
  #route(granted: readonly GrantedSlots[]): void {
    const own: GrantedSlots[] = [];
    const others = new Map<number, Set<RunId>>();
    for (const grant of granted) {
      const partition = wakePartition(grant.runId);
      if (!this.doorbell || this.#mine(partition)) own.push(grant);
      else others.set(partition, (others.get(partition) ?? new Set()).add(grant.runId));
    }
    this.#tell(own);
    for (const [partition, runs] of others) this.broker.ring(partition, { v: 1, runs: [], dags: [], grants: [...runs] });
  }

  #tell(granted: readonly GrantedSlots[]): void {
    for (const { runId, instanceId, askedAtMs } of granted) void this.apply.submit(runId, { event: { type: 'slots_granted', instanceId, askedAtMs } });
  }

  #refuse(ask: AskedSlots, reason: string): void {
    void this.apply.submit(ask.runId, { event: { type: 'slots_refused', instanceId: ask.key as InstanceId, askedAtMs: ask.askedAtMs, reason } }).then((result) => {
      if (result.kind === 'applied') this.logger.warn('an instance asks for slots it cannot have', { dag_id: ask.dagId, task_id: ask.taskId, pool: ask.pool, reason });
    });
  }
}

function takenFrom({ pools, taken }: SlotsAsked): Parameters<typeof admit>[1] {
  const byTask = new Map<string, number>();
  const byDag = new Map<string, number>();
  for (const [dagId, taskId, count] of taken) {
    byTask.set(taskKey({ dagId, taskId }), count);
    byDag.set(dagId, (byDag.get(dagId) ?? 0) + count);
  }
  return { pools, byTask, byDag };
}

function tagsFrom({ turns }: SlotsAsked): PoolTags {
  const tags: PoolTags = new Map();
  for (const [pool, share, next] of turns) {
    const of: ShareTags = tags.get(pool) ?? { clock: 0, next: new Map() };
    tags.set(pool, of);
    if (share === CLOCK) of.clock = next;
    else of.next.set(share, next);
  }
  return tags;
}

function changedTurns(before: PoolTags, after: PoolTags): (readonly [string, string, number])[] {
  const changed: (readonly [string, string, number])[] = [];
  for (const [pool, { clock, next }] of after) {
    const was = before.get(pool);
    if (clock !== (was?.clock ?? 0)) changed.push([pool, CLOCK, clock]);
    for (const [share, tag] of next) if (was?.next.get(share) !== tag) changed.push([pool, share, tag]);
  }
  return changed;
}
