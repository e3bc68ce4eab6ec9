import { Operator, branchChoice } from '@millrace/sdk';
import type { BranchChoice, TaskContext } from '@millrace/sdk';

/**
 * Skips what is directly downstream in every run but the newest: when a dag catches up, or a backfill goes over old dates, the tasks behind it run once and not for each date. Runs
 * made by hand or by assets always go on.
 */
export class LatestOnlyOperator extends Operator<BranchChoice | undefined> {
  static override readonly uiColor: string = '#e9ffdb';

  override async execute(context: TaskContext): Promise<BranchChoice | undefined> {
    if (await context.isLatestRun()) {
      context.log.info('This is the latest run: going on');
      return undefined;
    }
    context.log.info('The schedule has asked for a later run: skipping what is directly downstream');
    return branchChoice([]);
  }
}
