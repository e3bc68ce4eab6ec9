import { Signals } from '@millrace/persistence';
import type { Database } from '@millrace/persistence';
import type { InstanceId } from '@millrace/vocabulary';
import type { ApplyRuns } from '../apply-runs/apply-runs.js';

/**
 * Hands over what was reported to instances that wait for it. A signal may come before its instance waits (a platform that is
 * faster than our commit) or while it looks around: it stays until a wait for its key ends with it.
 */
export class SignalDesk {
  readonly #signals: Signals;

  constructor(
    database: Database,
    private readonly apply: Pick<ApplyRuns, 'submit'>,
  ) {
    this.#signals = new Signals(database);
  }

  /** Looks for signals to these instances, or to all, and resumes who waits for one. @returns how many were resumed. */
  async deliver(to: readonly InstanceId[] | null): Promise<number> {
    const pending = await this.#signals.pending(to);
    const results = await Promise.all(
      pending.map(({ id, runId, instanceId, attemptSeq }) => this.apply.submit(runId, { event: { type: 'resumed', instanceId, attemptSeq, payload: null }, signalId: id })),
    );
    return results.filter((result) => result.kind === 'applied').length;
  }

  /** Signals nobody will ever wait for. */
  forgetOfEnded(): Promise<void> {
    return this.#signals.forgetOfEnded(10);
  }
}
