import type { Evaluator } from '@millrace/bundles';
import type { bundlesProto } from '@millrace/contracts';
import { pause } from '@millrace/lifecycle';
import type { Logger } from '@millrace/telemetry';
import type { BundlesClient } from './bundles-client.js';

const LOOK_EVERY_MS = 2_000;

/**
 * Timetables written in dag code go on here: the api hands over those whose published runs are about to run out, with the code of their
 * version, and gets the next ones. Whatever stands in the dags folder now does not matter.
 */
export class TimetableExtender {
  private failing = false;

  constructor(
    private readonly id: string,
    private readonly evaluator: Evaluator,
    private readonly api: BundlesClient,
    private readonly logger: Logger,
  ) {}

  /** Until the signal fires. */
  async run(signal: AbortSignal): Promise<void> {
    do {
      try {
        while (!signal.aborted && (await this.once(signal)) > 0);
        this.failing = false;
      } catch (error) {
        if (!signal.aborted && !this.failing) this.logger.warn('timetables cannot be gone on with now; trying again', { reason: error instanceof Error ? error.message : String(error) });
        this.failing = true;
      }
    } while (await pause(LOOK_EVERY_MS, signal));
  }

  /** Returns how many it was handed. */
  async once(signal: AbortSignal): Promise<number> {
    const { timetables } = await this.api.takeTimetables(this.id);
    for (const timetable of timetables) {
      if (signal.aborted) break;
      await this.extend(timetable);
    }
    return timetables.length;
  }

  private async extend({ dagId, versionId, bundle, after, nowMs }: bundlesProto.TimetableToExtend): Promise<void> {
    const outcome = await this.evaluator.timetables(bundle, { [dagId]: { after: after ?? null, nowMs } });
    const told = outcome.ok ? outcome.timetables[dagId] : undefined;
    const error = outcome.ok ? (told === undefined ? 'its file no longer tells of it' : '') : outcome.message;
    const { accepted } = await this.api.extendTimetable({ versionId, timetable: { dagId, runs: told?.runs ? [...told.runs] : [], isComplete: told?.isComplete ?? false }, after, error });
    if (error !== '') this.logger.error('a timetable cannot be gone on with', { dag_id: dagId, error });
    else if (accepted) this.logger.info('timetable goes on', { dag_id: dagId, runs: told?.runs.length ?? 0, complete: told?.isComplete ?? false });
  }
}
