import 'reflect-metadata';
import { Controller } from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import { NOT_YET } from '../not-yet.js';
import { Operation, checkOperations, notYetController } from './operation.js';
import { OPERATIONS } from './operations.js';
import type { OperationId } from './operations.js';

const refuse = (): never => {
  throw new Error('not built');
};
const all = (without: readonly OperationId[] = []) =>
  notYetController(Object.fromEntries((Object.keys(OPERATIONS) as OperationId[]).filter((id) => !without.includes(id)).map((id) => [id, 'x'])), refuse);

@Controller()
class Doubled {
  @Operation('get_dags')
  getDags(): void {}
}

describe('the check before the api listens', () => {
  it('is content when every operation has one handler', () => {
    expect(Object.keys(OPERATIONS)).toHaveLength(110);
    expect(() => checkOperations([all()])).not.toThrow();
  });

  it('names an operation without handler, and one with two', () => {
    expect(() => checkOperations([all(['get_pool'])])).toThrow('get_pool has no handler');
    expect(() => checkOperations([all(), Doubled])).toThrow('get_dags has 2 handlers: NotYetController.get_dags, Doubled.getDags');
  });

  it('gives each operation that is not built a sentence', () => {
    for (const sentence of Object.values(NOT_YET)) expect(sentence).toMatch(/^[a-z].*\.$/);
  });
});
