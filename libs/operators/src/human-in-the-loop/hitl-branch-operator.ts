import { branchChoice } from '@millrace/sdk';
import type { Answer, BranchChoice, Operator, TaskContext } from '@millrace/sdk';
import { HITLOperator, resultOf } from './hitl-operator.js';
import type { HITLOperatorOptions } from './hitl-operator.js';

export interface HITLBranchOperatorOptions extends HITLOperatorOptions {
  /** The task each option goes to. @default the task named like the option, inside the same group first */
  readonly optionsMapping?: Readonly<Record<string, string | Operator>>;
}

/** Has a person choose which direct downstream tasks run; the others are skipped. */
export class HITLBranchOperator extends HITLOperator<BranchChoice> {
  readonly optionsMapping: Readonly<Record<string, string | Operator>>;

  constructor(id: string, options: HITLBranchOperatorOptions) {
    super(id, options);
    this.optionsMapping = options.optionsMapping ?? {};
  }

  protected override answered(answer: Answer, _context: TaskContext): BranchChoice {
    const chosen = answer.chosenOptions.map((option) => this.optionsMapping[option] ?? this.#taskNamed(option));
    return { ...branchChoice(chosen), value: resultOf(answer) };
  }

  /** In a group, a task's id begins with the group's. */
  #taskNamed(option: string): string {
    const group = this.taskId.slice(0, this.taskId.lastIndexOf('.') + 1);
    return option.startsWith(group) ? option : `${group}${option}`;
  }
}
