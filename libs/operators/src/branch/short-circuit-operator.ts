import { Operator } from '@millrace/sdk';
import type { OperatorOptions, ShortCircuit, TaskContext } from '@millrace/sdk';

export interface ShortCircuitOperatorOptions extends OperatorOptions {
  /** Truthy goes on; anything else skips what is downstream. */
  readonly condition: (context: TaskContext) => unknown;
  /** Skip everything downstream whatever its trigger rule. False: only the direct downstream tasks. @default true */
  readonly ignoreDownstreamTriggerRules?: boolean;
}

/** Goes on only when a condition holds. */
export class ShortCircuitOperator extends Operator<ShortCircuit | true> {
  static override readonly uiColor: string = '#dcf0e6';
  readonly condition: ShortCircuitOperatorOptions['condition'];
  readonly ignoreDownstreamTriggerRules: boolean;

  constructor(id: string, options: ShortCircuitOperatorOptions) {
    super(id, options);
    this.condition = options.condition;
    this.ignoreDownstreamTriggerRules = options.ignoreDownstreamTriggerRules ?? true;
  }

  override async execute(context: TaskContext): Promise<ShortCircuit | true> {
    const value: unknown = await this.condition(context);
    context.log.info(`The condition is ${value ? 'met: going on' : 'not met: skipping what is downstream'}`);
    return value ? true : { __millrace: 'short_circuit', mode: this.ignoreDownstreamTriggerRules ? 'all' : 'direct' };
  }
}
