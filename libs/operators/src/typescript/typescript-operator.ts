import { Operator } from '@millrace/sdk';
import type { OperatorOptions, TaskContext } from '@millrace/sdk';

export interface TypescriptOperatorOptions<Result = unknown, Args extends readonly unknown[] = readonly unknown[]> extends OperatorOptions {
  /** The work: called with the context, then `opArgs`. What it returns is the XCom. */
  readonly call: (context: TaskContext, ...args: Args) => Result | Promise<Result>;
  /** Arguments after the context. Template: what is rendered is a text. @default none */
  readonly opArgs?: Args;
}

/**
 * Calls a function, in the classic style: what `task()` is in task-flow style, for arguments that are templates.
 * @example new TypescriptOperator('size', { call: ({ log }, day: string) => log.info(day), opArgs: ['{{ ds }}'] })
 */
export class TypescriptOperator<Result = unknown, Args extends readonly unknown[] = []> extends Operator<Result> {
  static override readonly uiColor: string = '#ffefeb';
  override readonly templateFields: readonly string[] = ['opArgs'];
  readonly opArgs: readonly unknown[];
  private readonly call: TypescriptOperatorOptions<Result, Args>['call'];

  constructor(id: string, options: TypescriptOperatorOptions<Result, Args>) {
    super(id, options);
    if (typeof options?.call !== 'function') throw new TypeError(`task "${this.taskId}": call must be a function, got ${typeof options?.call}`);
    if (options.opArgs !== undefined && !Array.isArray(options.opArgs)) throw new TypeError(`task "${this.taskId}": opArgs must be a list`);
    this.call = options.call;
    this.opArgs = options.opArgs ?? [];
  }

  override async execute(context: TaskContext): Promise<Result> {
    return await this.call(context, ...(this.opArgs as unknown as Args));
  }
}
