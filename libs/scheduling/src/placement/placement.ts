import type { RunWorkers } from '@millrace/persistence';
import type { Logger } from '@millrace/telemetry';
import type { AttemptId, InstanceId, RunId } from '@millrace/vocabulary';
import { messageOf } from '../apply-runs/apply-runs.js';
import type { WorkerDirectory } from '../sessions/worker-directory.js';

export interface OfferedAttempt {
  readonly instanceId: InstanceId;
  readonly attemptId: AttemptId;
}

/**
 * Runs whose tasks share one worker. What such a run queues goes to no broker queue: it is offered to the run's worker over its stream, and the claim is
 * refused to every other. The worker is chosen when something is queued first, and again when it is gone or drains. An offer that is lost, or that
 * nobody could be made, is made again by the sweeper.
 */
export class Placement {
  constructor(
    private readonly runWorkers: RunWorkers,
    private readonly workers: WorkerDirectory,
    private readonly logger: Logger,
    private readonly home: string,
  ) {}

  /** @param queues all queues of the run's dag: its worker takes them all. */
  async offer(run: RunId, queues: readonly string[], attempts: readonly OfferedAttempt[]): Promise<void> {
    if (attempts.length === 0) return;
    try {
      const bound = await this.runWorkers.bind(run, queues);
      if (bound === undefined) return this.logger.debug('no living worker takes all queues of a run that is for one worker', { run, queues });
      if (!this.workers.offer(bound.sessionId, attempts, this.home)) this.logger.debug('the worker of a run is not connected here; the sweeper offers again', { run, worker: bound.workerName });
    } catch (error) {
      this.logger.debug('attempts could not be offered; the sweeper offers again', { run, error: messageOf(error) });
    }
  }
}
