import { Operator, branchChoice } from '@millrace/sdk';
import type { BranchChoice, OperatorOptions, TaskContext } from '@millrace/sdk';

export interface TemplateBranchOperatorOptions extends OperatorOptions {
  /** Gives the id of the task that is to run, several with commas between or as a JSON list, or nothing for none. Template. */
  readonly choose: string | readonly string[];
}

/** Chooses by a template which of its direct downstream tasks run: `branch` of a dag file, where no function can be written. */
export class TemplateBranchOperator extends Operator<BranchChoice> {
  static override readonly operatorName: string = 'BranchOperator';
  static override readonly uiColor: string = '#eee8aa';
  override readonly templateFields: readonly string[] = ['choose'];
  readonly choose: string | readonly string[];

  constructor(id: string, options: TemplateBranchOperatorOptions) {
    super(id, options);
    this.choose = options.choose;
  }

  override async execute(context: TaskContext): Promise<BranchChoice> {
    const chosen = idsIn(this.choose);
    context.log.info(`Following ${chosen.length === 0 ? 'no task' : chosen.join(', ')}`);
    return branchChoice(chosen);
  }
}

function idsIn(rendered: unknown): string[] {
  if (Array.isArray(rendered)) return rendered.flatMap(idsIn);
  if (rendered === null || rendered === undefined) return [];
  if (typeof rendered !== 'string') throw new TypeError(`choose must give ids of tasks, got ${JSON.stringify(rendered)}`);
  const text = rendered.trim();
  if (text === '' || ['none', 'null', 'undefined'].includes(text.toLowerCase())) return [];
  if (!text.startsWith('[')) return text.split(',').map((id) => id.trim()).filter((id) => id !== '');
  try {
    return idsIn(JSON.parse(text));
  } catch {
    throw new TypeError(`choose begins like a JSON list and is none: ${text.slice(0, 200)}`);
  }
}
