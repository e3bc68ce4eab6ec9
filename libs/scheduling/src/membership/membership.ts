import type { QueueBoard, QueueLoads } from '../room/queue-board.js';
import { WAKE_PARTITIONS } from '@millrace/vocabulary';
import type { LiveWorker, ServiceInstance, ServiceInstances, WorkerSessions } from '@millrace/persistence';

/**
 * Which partition is whose, by highest random weight: a scheduler that comes or goes moves only its own share, and everybody
 * computes the same answer without asking. Being wrong for a moment only costs speed.
 */
export function partitionsOf(id: string, schedulers: readonly string[]): number[] {
  const mine: number[] = [];
  for (let partition = 0; partition < WAKE_PARTITIONS; partition++) {
    let best = '';
    let bestWeight = -1;
    for (const scheduler of schedulers) {
      const weight = hash(`${scheduler} ${partition}`);
      if (weight > bestWeight || (weight === bestWeight && scheduler > best)) [best, bestWeight] = [scheduler, weight];
    }
    if (best === id) mine.push(partition);
  }
  return mine;
}

function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  // FNV alone leaves the high bits of short texts alike; finish as murmur3 does.
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35);
  return (value ^ (value >>> 16)) >>> 0;
}

export interface SchedulerAddress {
  readonly id: string;
  readonly address: string;
}

/** This scheduler among the others: says it is alive, knows who else is, and who works. */
export class Membership {
  #schedulers: readonly SchedulerAddress[] = [];
  #partitions = '';
  #last: Promise<void> = Promise.resolve();

  constructor(
    private readonly self: ServiceInstance,
    private readonly services: ServiceInstances,
    private readonly sessions: WorkerSessions,
    private readonly onPartitions: (partitions: readonly number[]) => void,
    private readonly onWorkers: (workers: readonly LiveWorker[]) => void,
    private readonly board: QueueBoard,
  ) {}

  get schedulers(): readonly SchedulerAddress[] {
    return this.#schedulers;
  }

  /** One look after the other: an answer that comes late must not stand over a newer one. */
  once(): Promise<void> {
    this.#last = this.#last.catch(() => undefined).then(() => this.#look());
    return this.#last;
  }

  async #look(): Promise<void> {
    await this.services.beat(this.self, this.board.loads());
    const schedulers = await this.services.liveSchedulers();
    this.#schedulers = schedulers;
    const partitions = partitionsOf(this.self.id, this.#schedulers.map((scheduler) => scheduler.id));
    if (partitions.join() !== this.#partitions) {
      this.#partitions = partitions.join();
      this.onPartitions(partitions);
    }
    this.onWorkers(await this.sessions.live());
    this.board.know(schedulers.flatMap((other) => (other.id === this.self.id ? [] : [other.load as QueueLoads])));
  }

  async leave(): Promise<void> {
    await this.services.end(this.self.id);
  }
}
