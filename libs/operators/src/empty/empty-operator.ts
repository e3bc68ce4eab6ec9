import { Operator } from '@millrace/sdk';

/** Does nothing. Gathers arrows: a start, an end, a join. */
export class EmptyOperator extends Operator<void> {
  static override readonly uiColor: string = '#e8f7e4';

  override execute(): void {
    // Nothing is its work.
  }
}
