import 'reflect-metadata';
import { Controller } from '@nestjs/common';
import type { Type } from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import { Operation, checkOperations } from './operation.js';
import { OPERATIONS } from './operations.js';
import type { OperationId } from './operations.js';

/** A controller with a handler for every operation but these. */
function controllerOfAll(without: readonly OperationId[] = []): Type {
  class AllController {}
  for (const id of (Object.keys(OPERATIONS) as OperationId[]).filter((one) => !without.includes(one))) {
    const descriptor: TypedPropertyDescriptor<unknown> = { value: () => undefined, configurable: true, writable: true, enumerable: false };
    Object.defineProperty(AllController.prototype, id, descriptor);
    (Operation(id) as (target: object, key: string, descriptor: TypedPropertyDescriptor<unknown>) => void)(AllController.prototype, id, descriptor);
  }
  Controller()(AllController);
  return AllController;
}

@Controller()
class Doubled {
  @Operation('get_dags')
  getDags(): void {}
}

describe('the check before the api listens', () => {
  it('is content when every operation has one handler', () => {
    expect(Object.keys(OPERATIONS)).toHaveLength(110);
    expect(() => checkOperations([controllerOfAll()])).not.toThrow();
  });

  it('names an operation without handler, and one with two', () => {
    expect(() => checkOperations([controllerOfAll(['get_pool'])])).toThrow('get_pool has no handler');
    expect(() => checkOperations([controllerOfAll(), Doubled])).toThrow('get_dags has 2 handlers: AllController.get_dags, Doubled.getDags');
  });
});
