import type { executionProto } from '@millrace/contracts';
import type { AttemptId, SessionId } from '@millrace/vocabulary';

/** A worker that has a stream to this process. */
export interface ConnectedWorker {
  readonly sessionId: SessionId;
  readonly queues: ReadonlySet<string>;
  /** Hands it code of an author's to run beside its slots. */
  callback(callback: executionProto.Callback): void;
  offer(offer: executionProto.Offer): void;
  cancel(attemptIds: readonly AttemptId[], reason: string): void;
  ended(reason: string): void;
}

/** Who is connected here. Cancels for workers connected elsewhere reach them with the answer to their next heartbeat. */
export class WorkerDirectory {
  readonly #workers = new Map<SessionId, Set<ConnectedWorker>>();
  #turn = 0;

  add(worker: ConnectedWorker): () => void {
    const same = this.#workers.get(worker.sessionId) ?? new Set();
    same.add(worker);
    this.#workers.set(worker.sessionId, same);
    return () => {
      same.delete(worker);
      if (same.size === 0) this.#workers.delete(worker.sessionId);
    };
  }

  get size(): number {
    return this.#workers.size;
  }

  /** One stream of each session, in another order each time. */
  connected(): ConnectedWorker[] {
    const all = [...this.#workers.values()].flatMap((same) => [...same].slice(-1));
    this.#turn++;
    return [...all.slice(this.#turn % Math.max(1, all.length)), ...all.slice(0, this.#turn % Math.max(1, all.length))];
  }

  /** false: it is not connected here. */
  offer(sessionId: SessionId, attempts: readonly executionProto.OfferedAttempt[], home: string): boolean {
    const [worker] = [...(this.#workers.get(sessionId) ?? [])].slice(-1);
    worker?.offer({ attempts: attempts.map(({ instanceId, attemptId }) => ({ instanceId, attemptId })), homeSchedulerId: home });
    return worker !== undefined;
  }

  cancel(sessionId: SessionId, attemptId: AttemptId, reason: string): void {
    for (const worker of this.#workers.get(sessionId) ?? []) worker.cancel([attemptId], reason);
  }

  /** Everybody connected gets it: who does not run the attempt ignores it. */
  cancelEverywhere(attemptId: AttemptId, reason: string): void {
    for (const same of this.#workers.values()) for (const worker of same) worker.cancel([attemptId], reason);
  }

  endSession(sessionId: SessionId, reason: string): void {
    for (const worker of this.#workers.get(sessionId) ?? []) worker.ended(reason);
  }
}
