import { Operator } from '@millrace/sdk';
import type { OperatorOptions, ShortCircuit, TaskContext } from '@millrace/sdk';

export interface TemplateShortCircuitOperatorOptions extends OperatorOptions {
  /** Goes on unless this gives nothing, `false`, `0`, `no`, `off`, `none` or `null`. Template. */
  readonly condition: string | boolean;
  /** Skip everything downstream whatever its trigger rule. False: only the direct downstream tasks. @default true */
  readonly ignoreDownstreamTriggerRules?: boolean;
}

const NO = new Set(['', 'false', '0', 'no', 'off', 'none', 'null', 'undefined']);

/** Goes on only when a template says so: `short_circuit` of a dag file, where no function can be written. */
export class TemplateShortCircuitOperator extends Operator<ShortCircuit | true> {
  static override readonly operatorName: string = 'ShortCircuitOperator';
  static override readonly uiColor: string = '#dcf0e6';
  override readonly templateFields: readonly string[] = ['condition'];
  readonly condition: string | boolean;
  readonly ignoreDownstreamTriggerRules: boolean;

  constructor(id: string, options: TemplateShortCircuitOperatorOptions) {
    super(id, options);
    this.condition = options.condition;
    this.ignoreDownstreamTriggerRules = options.ignoreDownstreamTriggerRules ?? true;
  }

  override async execute(context: TaskContext): Promise<ShortCircuit | true> {
    const isMet = !NO.has(String(this.condition ?? '').trim().toLowerCase());
    context.log.info(`The condition is ${isMet ? 'met: going on' : 'not met: skipping what is downstream'}`);
    return isMet ? true : { __millrace: 'short_circuit', mode: this.ignoreDownstreamTriggerRules ? 'all' : 'direct' };
  }
}
