import { WaitingLine, firstWaiting } from '@millrace/engine';
import type { Room, Waiting } from '@millrace/engine';
import type { RunId } from '@millrace/vocabulary';
import { shareOf } from '../apply-runs/decision-writes.js';
import type { RunInput } from '../apply-runs/inputs.js';
import type { CachedRun } from '../run-cache/run-cache.js';
import type { RoomKeeper } from './room-keeper.js';

/** What a scheduler has in one worker queue: active instances, runs that wait, the priority of the most urgent of them (0: none waits). */
export type QueueLoad = readonly [active: number, waiting: number, priority: number];
export type QueueLoads = Readonly<Record<string, QueueLoad>>;

/** A run with its most urgent instance that waits for room. */
interface WaitingRun extends Waiting {
  readonly runId: RunId;
  /** The author's own number of that task. */
  readonly weight: number;
}

interface Queue {
  active: number;
  /** Room given to runs that have not been decided on since. */
  promised: number;
  readonly line: WaitingLine<WaitingRun>;
}

/** What is known of one run, by queue as in its plan. */
interface Note {
  readonly queues: readonly string[];
  readonly active: number[];
  readonly promised: number[];
  decidedAtMs: number;
}

export interface QueueBoardParts {
  /** Slots of the living workers of a queue; null: it has none. */
  readonly slots: (queue: string) => number | null;
  readonly isDefaultPoolCounted: () => boolean;
  readonly maxMapLength: number | undefined;
  /** Has a run looked at for what it may queue now. */
  readonly look: (id: RunId) => void;
  /** Which of these runs somebody else has written since they were decided on here; they are forgotten with that. */
  readonly check: (ids: readonly RunId[]) => Promise<void>;
}

/** What this scheduler knows of a run is compared with the database when others wait and it is so old. */
const CHECK_AFTER_MS = 250;
/** Without workers that much of a run is queued: they find work when they come. */
const WINDOW_WITHOUT_WORKERS = 64;

/**
 * Bounds what is queued to what the workers of a queue can take soon, over all runs this scheduler handles: as much as they have slots, and as much
 * again so that none runs dry while others wait. The rest waits in the database, and is queued in the order of the line when room comes: the most
 * urgent of all runs first. Only what is in memory is needed: who starts anew knows a run as soon as something happens to it.
 */
export class QueueBoard implements RoomKeeper {
  readonly #queues = new Map<string, Queue>();
  readonly #runs = new Map<RunId, Note>();
  #others: readonly QueueLoads[] = [];
  #isDue = false;
  #isChecking = false;

  constructor(private readonly parts: QueueBoardParts) {}

  /** What the other schedulers have, as of their last heartbeats. */
  know(others: readonly QueueLoads[]): void {
    this.#others = others;
    if (others.length > 0) this.#checkSoon();
    this.#giveOutSoon();
  }

  /** For the other schedulers. */
  loads(): QueueLoads {
    return Object.fromEntries([...this.#queues].flatMap(([name, queue]) => (queue.active === 0 && queue.line.size === 0 ? [] : [[name, [queue.active, queue.line.size, queue.line.first()?.priority ?? 0] as const]])));
  }

  roomFor(entry: CachedRun, inputs: readonly RunInput[]): Room {
    const { run } = entry;
    const note = this.#runs.get(entry.row.id);
    const windows = run.plan.queues.map((name, at) => {
      const active = run.book.ready.activeIn[at] ?? 0;
      const slots = this.parts.slots(name);
      const window = slots ?? WINDOW_WITHOUT_WORKERS;
      const queue = this.#queues.get(name);
      if (queue === undefined) return window;
      const others = queue.active - (note?.active[at] ?? 0) + queue.promised - (note?.promised[at] ?? 0);
      const isAlone = queue.line.size === 0 || (queue.line.size === 1 && queue.line.get(entry.row.id) !== undefined);
      if (isAlone) return Math.max(Math.min(window, this.#capacity(name) - others), note === undefined ? 0 : active - this.#ending(entry, inputs, at) + note.promised[at]!);
      // Others wait: it keeps what it goes on with, and what it was promised; a slot it leaves is given to who is next.
      return active - this.#ending(entry, inputs, at) + this.#kept(entry, inputs, at, queue) + (note?.promised[at] ?? 0);
    });
    return { window: windows.length === 1 ? windows[0]! : windows, isDefaultPoolCounted: this.parts.isDefaultPoolCounted(), ...(this.parts.maxMapLength === undefined ? {} : { maxMapLength: this.parts.maxMapLength }) };
  }

  decided(entry: CachedRun, mayWait = true): void {
    const { run, row } = entry;
    let note = this.#runs.get(row.id);
    if (note === undefined) {
      const { queues } = run.plan;
      note = { queues, active: queues.map(() => 0), promised: queues.map(() => 0), decidedAtMs: 0 };
      this.#runs.set(row.id, note);
    }
    note.decidedAtMs = performance.now();
    for (let at = 0; at < note.queues.length; at++) {
      const queue = this.#queue(note.queues[at]!);
      const before = note.active[at]!;
      const active = run.book.ready.activeIn[at] ?? 0;
      const promised = note.promised[at]!;
      queue.active += active - before;
      queue.promised -= promised;
      note.active[at] = active;
      note.promised[at] = 0;
      const first = mayWait ? firstWaiting(run, at) : undefined;
      const known = queue.line.get(row.id);
      if (first === undefined) {
        if (known !== undefined) queue.line.remove(row.id);
      } else {
        const task = run.plan.tasks[first.task]!;
        const isStuck = promised > 0 && active <= before && known === undefined;
        // It was given room and could not use it (it waits for slots of a pool): somebody else is looked at before it comes again.
        if (!isStuck && (known === undefined || known.priority !== task.effectivePriority)) {
          queue.line.put({
            key: row.id, runId: row.id, priority: task.effectivePriority, weight: task.priorityWeight, team: row.team, share: shareOf(row), orderMs: row.logicalDateMs ?? row.runAfterMs, name: row.runId,
          });
        }
      }
      if (queue.line.size > 0) this.#giveOutSoon();
    }
  }

  dropped(id: RunId): void {
    const note = this.#runs.get(id);
    if (note === undefined) return;
    this.#runs.delete(id);
    for (let at = 0; at < note.queues.length; at++) {
      const queue = this.#queue(note.queues[at]!);
      queue.active -= note.active[at]!;
      queue.promised -= note.promised[at]!;
      queue.line.remove(id);
      if (queue.line.size > 0) this.#giveOutSoon();
    }
  }

  /** Room that became free goes to who is next, in one go for what happened in one turn of the event loop. */
  #giveOutSoon(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    setImmediate(() => {
      this.#isDue = false;
      for (const [name, queue] of this.#queues) if (queue.line.size > 0) this.#giveOut(name, queue);
    });
  }

  #giveOut(name: string, queue: Queue): void {
    // One run alone needs no more than the slots: what it queues beyond them would only stand in the way of who comes.
    const most = queue.line.size === 1 ? Math.min(this.#capacity(name), this.parts.slots(name) ?? WINDOW_WITHOUT_WORKERS) : this.#capacity(name);
    let free = most - queue.active - queue.promised;
    if (free <= 0) return this.#checkSoon();
    const given: WaitingRun[] = [];
    for (let first = queue.line.first(); first !== undefined && free > 0; first = queue.line.first()) {
      if (given.length > 0 && first.priority < given[0]!.priority) break;
      if (!this.#mayGo(name, queue, first.priority)) break;
      queue.line.remove(first.key);
      queue.line.served(first, 1);
      given.push(first);
      free--;
    }
    // Nobody of that priority is left, and there is room: they may have more that waits.
    const each = given.length === 0 ? 0 : Math.floor(free / given.length);
    for (const { runId } of given) {
      const note = this.#runs.get(runId);
      if (note === undefined) continue;
      const at = note.queues.indexOf(name);
      note.promised[at]! += 1 + each;
      queue.promised += 1 + each;
      this.parts.look(runId);
    }
  }

  /**
   * Somebody waits and there is no room, or others are told what is held here. Is that so? A run that another scheduler goes on with seems to hold here what it held when it was last seen.
   */
  #checkSoon(): void {
    if (this.#isChecking) return;
    this.#isChecking = true;
    setTimeout(() => {
      const before = performance.now() - CHECK_AFTER_MS;
      const ids = [...this.#runs].flatMap(([id, note]) => (note.decidedAtMs < before && note.active.some((active) => active > 0) ? [id] : []));
      void (ids.length === 0 ? Promise.resolve() : this.parts.check(ids)).finally(() => {
        this.#isChecking = false;
        this.#giveOutSoon();
      });
    }, CHECK_AFTER_MS).unref();
  }

  /** What may be queued and running: as much as there are slots, and as much again; less what other schedulers have, but at least an equal part. */
  #capacity(name: string): number {
    const slots = this.parts.slots(name) ?? WINDOW_WITHOUT_WORKERS;
    const all = slots * 2;
    if (this.#others.length === 0) return all;
    let others = 0;
    for (const loads of this.#others) others += loads[name]?.[0] ?? 0;
    return Math.max(Math.ceil(all / (this.#others.length + 1)), all - others);
  }

  /** Another scheduler has something more urgent: its turn, unless nothing of ours is there at all. */
  #mayGo(name: string, queue: Queue, priority: number): boolean {
    return queue.active + queue.promised === 0 || !this.#others.some((loads) => (loads[name]?.[1] ?? 0) > 0 && loads[name]![2] > priority);
  }

  #queue(name: string): Queue {
    let queue = this.#queues.get(name);
    if (queue === undefined) {
      queue = { active: 0, promised: 0, line: new WaitingLine() };
      this.#queues.set(name, queue);
    }
    return queue;
  }

  /** Slots of the queue that these events leave. */
  #ending({ run }: CachedRun, inputs: readonly RunInput[], at: number): number {
    let ending = 0;
    for (const { event } of inputs) {
      if (event.type !== 'finished') continue;
      const instance = run.instances.get(event.instanceId);
      const task = instance === undefined || instance.attemptId !== event.attemptId ? undefined : run.plan.tasks[instance.task];
      if (task !== undefined && run.plan.lines[task.line]!.queue === at) ending++;
    }
    return ending;
  }

  /** Slots it goes on with: the worker takes what follows with the answer, unless somebody waits whose task the author called more important. */
  #kept({ run }: CachedRun, inputs: readonly RunInput[], at: number, queue: Queue): number {
    let kept = 0;
    for (const { event, completion } of inputs) {
      if (event.type !== 'finished' || completion?.taker == null) continue;
      const instance = run.instances.get(event.instanceId);
      const task = instance === undefined ? undefined : run.plan.tasks[instance.task];
      if (task === undefined || run.plan.lines[task.line]!.queue !== at || task.downstreamTasks.length === 0) continue;
      if ((queue.line.first()?.weight ?? 0) <= run.plan.tasks[task.downstreamTasks[0]!]!.priorityWeight) kept++;
    }
    return kept;
  }
}
