import type { TaskContext as PromisedContext } from '@millrace/sdk';
import { describe, expectTypeOf, it } from 'vitest';
import type { TaskContext } from './task-context.js';

describe('TaskContext', () => {
  it('gives what the SDK promises to authors', () => {
    const promised = (context: TaskContext): Omit<PromisedContext, 'ti'> => context;
    expectTypeOf(promised).toBeFunction();
    expectTypeOf<keyof PromisedContext['ti']>().toExtend<keyof TaskContext['ti']>();
  });
});
