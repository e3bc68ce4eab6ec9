import { Operator } from '@millrace/sdk';
import type { TaskContext } from '@millrace/sdk';

/** The founding plugin: adds `params.a` and `params.b`; the sum is kept as XCom `return_value`. */
export class PlusOperator extends Operator<number> {
  static override readonly uiColor = '#e0f0ff';

  override execute({ params, log }: TaskContext): number {
    const a = Number(params['a']);
    const b = Number(params['b']);
    if (Number.isNaN(a) || Number.isNaN(b)) throw new TypeError(`params a and b must be numbers, got ${JSON.stringify(params)}`);
    log.info(`${a} + ${b} = ${a + b}`);
    return a + b;
  }
}
