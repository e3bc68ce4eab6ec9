import { credentials, makeGenericClientConstructor, type ClientDuplexStream, type ServiceDefinition } from '@grpc/grpc-js';

/** Worker → scheduler. One stream; several items a message. */
export interface ToScheduler {
  readonly claim?: readonly number[];
  readonly done?: readonly number[];
}
/** Scheduler → worker: what may run now. `claimReply`: answers the oldest open claim, whose messages may be acked; else successors handed over. */
export interface ToWorker {
  readonly run: readonly number[];
  readonly claimReply?: boolean;
}

export interface RunOrder {
  readonly run: number;
  readonly shape: 'chain' | 'fan' | 'wide';
  readonly size: number;
}

/** Task id = run × this + position. */
export const RUN_STRIDE = 1_000_000;

const encode = (value: object): Buffer => Buffer.from(JSON.stringify(value));
const decode = (bytes: Buffer): never => JSON.parse(bytes.toString()) as never;

export const FLOOR_SERVICE: ServiceDefinition = {
  session: {
    path: '/floor.Floor/Session', requestStream: true, responseStream: true,
    requestSerialize: encode, requestDeserialize: decode, responseSerialize: encode, responseDeserialize: decode,
  },
};

export function openSession(address: string): ClientDuplexStream<ToScheduler, ToWorker> {
  const Client = makeGenericClientConstructor(FLOOR_SERVICE, 'Floor');
  const client = new Client(address, credentials.createInsecure()) as unknown as { session(): ClientDuplexStream<ToScheduler, ToWorker> };
  return client.session();
}

/** Natural batching: while one flush is in flight the next batch gathers. */
export class Gather<Item> {
  private waiting: Item[] = [];
  private busy = false;

  constructor(private readonly flush: (items: Item[]) => Promise<void>) {}

  add(items: readonly Item[]): void {
    this.waiting.push(...items);
    if (!this.busy) void this.drain();
  }

  private async drain(): Promise<void> {
    this.busy = true;
    // What arrived in the same read of the socket belongs to the same commit.
    await new Promise(setImmediate);
    while (this.waiting.length > 0) {
      const items = this.waiting;
      this.waiting = [];
      await this.flush(items);
    }
    this.busy = false;
  }
}
