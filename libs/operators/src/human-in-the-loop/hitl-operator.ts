import { DagDefinitionError, Operator, ask, checkQuestion } from '@millrace/sdk';
import type { Answer, Duration, OperatorOptions, Question, TaskContext } from '@millrace/sdk';

export interface HITLOperatorOptions extends OperatorOptions, Question {
  /** How long it waits. Then the defaults count; without defaults the task fails. @default for ever */
  readonly responseTimeout?: Duration;
}

/** What a question was answered with; the task's XCom `return_value`. */
export interface HITLResult {
  readonly chosen_options: readonly string[];
  readonly params_input: Readonly<Record<string, unknown>>;
  readonly responded_at: string;
  /** null: nobody answered in time. */
  readonly responded_by_user: { readonly id: string; readonly name: string } | null;
  readonly timedout: boolean;
}

/** Asks a person, waits without a slot, and returns the answer. */
export class HITLOperator<Result = HITLResult> extends Operator<Result> {
  static override readonly uiColor: string = '#f4e3c1';
  override readonly templateFields: readonly string[] = ['subject', 'body'];
  readonly subject: string;
  readonly body: string | undefined;
  readonly choices: readonly string[];
  readonly defaults: readonly string[] | undefined;
  readonly multiple: boolean;
  readonly formParams: Readonly<Record<string, unknown>>;
  readonly assignees: Question['assignees'];
  readonly responseTimeout: Duration | undefined;

  constructor(id: string, options: HITLOperatorOptions) {
    // `params` of a task are its params; those of a question are its form.
    const { params, ...shared } = options;
    super(id, shared);
    this.subject = options.subject;
    this.body = options.body;
    this.choices = options.options;
    this.defaults = options.defaults;
    this.multiple = options.multiple ?? false;
    this.formParams = params ?? {};
    this.assignees = options.assignees;
    this.responseTimeout = options.responseTimeout;
    try {
      checkQuestion(options);
    } catch (error) {
      throw new DagDefinitionError(`task "${this.taskId}": ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  override async execute(context: TaskContext): Promise<Result> {
    if (context.resumedBy !== null) {
      const answer = await context.answer(context.resumedBy.by === 'timeout');
      if (answer !== null) {
        context.log.info(answer.respondedBy === null ? `Nobody answered in time; going on with ${answer.chosenOptions.join(', ')}` : `${answer.respondedBy.name} chose ${answer.chosenOptions.join(', ')}`);
        return this.answered(answer, context);
      }
    }
    return ask({
      subject: this.subject,
      options: this.choices,
      multiple: this.multiple,
      params: this.formParams,
      ...(this.body === undefined ? {} : { body: this.body }),
      ...(this.defaults === undefined ? {} : { defaults: this.defaults }),
      ...(this.assignees === undefined ? {} : { assignees: this.assignees }),
      ...(this.responseTimeout === undefined ? {} : { timeout: this.responseTimeout }),
    });
  }

  /** What follows from the answer. */
  protected answered(answer: Answer, _context: TaskContext): Result | Promise<Result> {
    return resultOf(answer) as Result;
  }
}

export function resultOf(answer: Answer): HITLResult {
  return {
    chosen_options: answer.chosenOptions,
    params_input: answer.paramsInput,
    responded_at: answer.respondedAt,
    responded_by_user: answer.respondedBy,
    timedout: answer.respondedBy === null,
  };
}
