import type { AttemptId, ClaimToken, InstanceId, RunId, SessionId } from '@millrace/vocabulary';

export interface GrantEntry {
  readonly attemptId: AttemptId;
  readonly instanceId: InstanceId;
  readonly token: ClaimToken;
  readonly runId: RunId;
  readonly sessionId: SessionId;
}

const MAX_ENTRIES = 200_000;

/**
 * Attempts this process granted and has not seen end: which run they are of, and which token is right. Only speed:
 * without an entry the database is asked.
 */
export class GrantBook {
  readonly #byAttempt = new Map<AttemptId, GrantEntry>();
  readonly #byRun = new Map<RunId, Set<AttemptId>>();

  granted(entry: GrantEntry): void {
    this.#byAttempt.set(entry.attemptId, entry);
    const same = this.#byRun.get(entry.runId);
    if (same === undefined) this.#byRun.set(entry.runId, new Set([entry.attemptId]));
    else same.add(entry.attemptId);
    if (this.#byAttempt.size > MAX_ENTRIES) this.ended(this.#byAttempt.keys().next().value!);
  }

  find(attemptId: AttemptId): GrantEntry | undefined {
    return this.#byAttempt.get(attemptId);
  }

  ofRun(runId: RunId): readonly GrantEntry[] {
    return [...(this.#byRun.get(runId) ?? [])].flatMap((attemptId) => this.#byAttempt.get(attemptId) ?? []);
  }

  ended(attemptId: AttemptId): void {
    const entry = this.#byAttempt.get(attemptId);
    if (entry === undefined) return;
    this.#byAttempt.delete(attemptId);
    const same = this.#byRun.get(entry.runId);
    same?.delete(attemptId);
    if (same?.size === 0) this.#byRun.delete(entry.runId);
  }
}
