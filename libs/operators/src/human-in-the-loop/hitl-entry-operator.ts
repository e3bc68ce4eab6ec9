import { HITLOperator } from './hitl-operator.js';
import type { HITLOperatorOptions } from './hitl-operator.js';

export interface HITLEntryOperatorOptions extends Omit<HITLOperatorOptions, 'options' | 'multiple' | 'defaults'> {
  /** @default ['OK'] */
  readonly options?: readonly string[];
  /** Counts when nobody answers in time. @default none: the task fails */
  readonly defaults?: readonly string[];
}

/** Has a person fill in a form. */
export class HITLEntryOperator extends HITLOperator {
  constructor(id: string, options: HITLEntryOperatorOptions) {
    super(id, { ...options, options: options.options ?? ['OK'] });
  }
}
