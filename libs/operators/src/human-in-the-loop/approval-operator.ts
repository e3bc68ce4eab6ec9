import { fail } from '@millrace/sdk';
import type { Answer, ShortCircuit, TaskContext } from '@millrace/sdk';
import { HITLOperator, resultOf } from './hitl-operator.js';
import type { HITLOperatorOptions, HITLResult } from './hitl-operator.js';

export const APPROVE = 'Approve';
export const REJECT = 'Reject';

export interface ApprovalOperatorOptions extends Omit<HITLOperatorOptions, 'options' | 'multiple' | 'defaults'> {
  /** Counts when nobody answers in time. @default none: the task fails */
  readonly defaults?: 'Approve' | 'Reject';
  /** A rejection skips everything downstream whatever its trigger rule; false: only the direct downstream tasks. @default false */
  readonly ignoreDownstreamTriggerRules?: boolean;
  /** A rejection fails the task instead of skipping what is downstream. @default false */
  readonly failOnReject?: boolean;
}

/** Goes on when a person approves; a rejection skips what is downstream, or fails. */
export class ApprovalOperator extends HITLOperator<HITLResult | ShortCircuit> {
  readonly ignoreDownstreamTriggerRules: boolean;
  readonly failOnReject: boolean;

  constructor(id: string, options: ApprovalOperatorOptions) {
    const { defaults, ...shared } = options;
    super(id, { ...shared, options: [APPROVE, REJECT], ...(defaults === undefined ? {} : { defaults: [defaults] }) });
    this.ignoreDownstreamTriggerRules = options.ignoreDownstreamTriggerRules ?? false;
    this.failOnReject = options.failOnReject ?? false;
  }

  protected override answered(answer: Answer, context: TaskContext): HITLResult | ShortCircuit {
    if (answer.chosenOptions.includes(APPROVE)) return resultOf(answer);
    if (this.failOnReject) fail(`rejected by ${answer.respondedBy?.name ?? 'the default'}`);
    context.log.info('Rejected: skipping what is downstream');
    return { __millrace: 'short_circuit', mode: this.ignoreDownstreamTriggerRules ? 'all' : 'direct', value: resultOf(answer) };
  }
}
