import type { AttemptsReady, Wake } from '@millrace/contracts';
import { InProcessQueue } from './in-process-queue.js';

/** What the brokers of one process share: task queues, listeners, dead letters. Gone with the process, as the design allows. */
export class InProcessBus {
  /** Malformed or too often delivered; the last hundred, for looking at. */
  readonly deadLetters: unknown[] = [];
  private readonly queues = new Map<string, InProcessQueue>();
  private readonly listeners = new Set<WakeListening>();

  /** Sees what handlers throw; the message goes back to its queue. */
  constructor(private readonly onHandlerError: (error: unknown) => void = (error) => process.emitWarning(error instanceof Error ? error : String(error))) {}

  queue(name: string): InProcessQueue {
    let queue = this.queues.get(name);
    if (queue === undefined) this.queues.set(name, (queue = new InProcessQueue((message) => this.park(message), this.onHandlerError)));
    return queue;
  }

  /** Messages ready; a queue nobody used has none. */
  depth(name: string): number {
    return this.queues.get(name)?.depth ?? 0;
  }

  park(message: AttemptsReady | unknown): void {
    this.deadLetters.push(message);
    if (this.deadLetters.length > 100) this.deadLetters.shift();
  }

  addListener(listener: WakeListening): void {
    this.listeners.add(listener);
  }

  removeListener(listener: WakeListening): void {
    this.listeners.delete(listener);
  }

  /** Rings every listener of the partition, each in a turn of the event loop of its own. */
  ring(partition: number, wake: Wake): void {
    for (const listener of this.listeners) {
      if (listener.partitions.has(partition)) setImmediate(() => this.deliver(listener, wake));
    }
  }

  private deliver(listener: WakeListening, wake: Wake): void {
    if (!this.listeners.has(listener)) return;
    try {
      listener.handler(wake);
    } catch (error) {
      this.onHandlerError(error);
    }
  }
}

export interface WakeListening {
  partitions: ReadonlySet<number>;
  handler: (wake: Wake) => void;
}
