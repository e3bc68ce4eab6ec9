import 'reflect-metadata';
import { Controller } from '@nestjs/common';
import type { Type } from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { Answers, Operation, Route, checkOperations } from './operation.js';
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

const greeting = z.object({ hello: z.string(), times: z.int().nullable() });

/** What does not compile; verify checks the types of specs. */
@Controller()
class Mistyped {
  // @ts-expect-error A field is missing.
  @Answers(greeting)
  @Route('GET', '/api/millrace/v1/a', 'public')
  async without(): Promise<{ hello: string }> {
    return { hello: 'a' };
  }

  // @ts-expect-error A null that the schema does not know.
  @Answers(greeting)
  @Route('GET', '/api/millrace/v1/b', 'public')
  async withNull(): Promise<{ hello: string | null; times: number }> {
    return { hello: null, times: 1 };
  }

  // @ts-expect-error Of Airflow's operations too.
  @Operation('get_version')
  version(): { readonly version: number } {
    return { version: 3 };
  }

  // @ts-expect-error Nobody says what it answers.
  @Route('GET', '/api/millrace/v1/c', 'public')
  async untold(): Promise<unknown> {
    return {};
  }
}

describe('the check before the api listens', () => {
  it('is content when every operation has one handler', () => {
    expect(Object.keys(OPERATIONS)).toHaveLength(110);
    expect(() => checkOperations([controllerOfAll()])).not.toThrow();
  });

  it('names a route that does not say what it answers', () => {
    expect(() => checkOperations([controllerOfAll(), Mistyped])).toThrow('Mistyped.untold names no answer');
  });

  it('names an operation without handler, and one with two', () => {
    expect(() => checkOperations([controllerOfAll(['get_pool'])])).toThrow('get_pool has no handler');
    expect(() => checkOperations([controllerOfAll(), Doubled])).toThrow('get_dags has 2 handlers: AllController.get_dags, Doubled.getDags');
  });
});
