import { Operator, branchChoice } from '@millrace/sdk';
import type { BranchChoice, Choices, OperatorOptions, TaskContext } from '@millrace/sdk';

export interface BranchOperatorOptions extends OperatorOptions {
  /** Returns the task, the id, or a list of them, that is to run; null for none. The other direct downstream tasks are skipped. */
  readonly choose: (context: TaskContext) => Choices | Promise<Choices>;
}

/** Chooses which of its direct downstream tasks run. */
export class BranchOperator extends Operator<BranchChoice> {
  static override readonly uiColor: string = '#eee8aa';
  readonly choose: BranchOperatorOptions['choose'];

  constructor(id: string, options: BranchOperatorOptions) {
    super(id, options);
    this.choose = options.choose;
  }

  override async execute(context: TaskContext): Promise<BranchChoice> {
    const choice = branchChoice(await this.choose(context));
    context.log.info(`Following ${choice.taskIds.length === 0 ? 'no task' : choice.taskIds.join(', ')}`);
    return choice;
  }
}
