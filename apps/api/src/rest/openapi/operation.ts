import { HttpCode, RequestMapping, RequestMethod, SetMetadata, applyDecorators } from '@nestjs/common';
import type { ExecutionContext, Type } from '@nestjs/common';
import type { Action, ResourceKind } from '@millrace/access';
import type { z } from 'zod';
import type { Answer } from './answer-schemas.js';
import { OPERATIONS } from './operations.js';
import type { AnswerTo, OperationFacts, OperationId } from './operations.js';

export const OPERATION = 'millrace:operation';
export const NEEDS = 'millrace:needs';
export const AUDITED = 'millrace:audited';
export const ANSWERED = 'millrace:answered';

/** What a route asks of its caller: a permission, `self` for somebody who is logged in and acts on what is theirs, or `public` for nobody in particular. */
export type Needs = 'public' | 'self' | { readonly action: Action; readonly resource: ResourceKind };

/** What a route says of its success. */
export interface AnswerFacts {
  /** As JSON; null: there is none. */
  readonly schema: z.ZodType | null;
  readonly alsoAs: readonly string[];
  /** With the same schema, besides the status of the route. */
  readonly alsoWith: readonly number[];
}

type Typed = <Handler extends (...args: never[]) => unknown>(
  target: object, name: string | symbol, descriptor: TypedPropertyDescriptor<Handler> & (unknown extends Awaited<ReturnType<Handler>> ? 'say what it answers: @Answers(schema), and Promise<Answer<typeof schema>>' : unknown),
) => void;

/** On methods that return this, or that write their reply themselves. */
export type Answering<Returned> = <Handler extends (...args: never[]) => Returned | Promise<Returned | void> | void>(
  target: object, name: string | symbol, descriptor: TypedPropertyDescriptor<Handler>,
) => void;

/** This method answers the operation: method, path, status, permission and the type of its answer come from the operation table. */
export function Operation<Id extends OperationId>(id: Id): Answering<AnswerTo<Id>> {
  const facts: OperationFacts = OPERATIONS[id];
  return applyDecorators(
    RequestMapping({ method: RequestMethod[facts.method], path: facts.path }),
    HttpCode(facts.status),
    SetMetadata(OPERATION, id),
    SetMetadata(ANSWERED, { schema: facts.answer, alsoAs: facts.alsoAs ?? [], alsoWith: [] } satisfies AnswerFacts),
    SetMetadata(NEEDS, PUBLIC_OPERATIONS.has(id) ? 'public' : { action: facts.action, resource: facts.resource }),
  );
}

/** A route of ours, outside Airflow's document. What it answers is said by `@Answers` or `@AnswersAs`, unless its status says that there is no body. */
export function Route(method: OperationFacts['method'], path: string, needs: Needs, status = 200): Typed {
  return applyDecorators(RequestMapping({ method: RequestMethod[method], path }), HttpCode(status), SetMetadata(NEEDS, needs));
}

/**
 * What a route of ours answers, as JSON, and as text where a caller may accept something else too. A route without it is refused at start unless its status
 * says that there is no body.
 */
export function Answers<Schema extends z.ZodType>(schema: Schema, more: { readonly alsoAs: readonly string[] }): Answering<Answer<Schema> | string>;
export function Answers<Schema extends z.ZodType>(schema: Schema, more?: { readonly alsoWith: readonly number[] }): Answering<Answer<Schema>>;
export function Answers(schema: z.ZodType, more: { readonly alsoAs?: readonly string[]; readonly alsoWith?: readonly number[] } = {}): Answering<unknown> {
  return SetMetadata(ANSWERED, { schema, alsoAs: more.alsoAs ?? [], alsoWith: more.alsoWith ?? [] } satisfies AnswerFacts);
}

/** A route of ours that never answers JSON: a stream, a page, or whatever a plugin makes. */
export function AnswersAs(...mediaTypes: readonly string[]): MethodDecorator {
  return SetMetadata(ANSWERED, { schema: null, alsoAs: mediaTypes, alsoWith: [] } satisfies AnswerFacts);
}

/** The command that carries the request out writes it down, in the same commit. */
export function AuditedByCommand(): MethodDecorator {
  return SetMetadata(AUDITED, true);
}

/** What the audit log calls a request: its operation, or the handler of a route of ours. */
export function eventOf(context: ExecutionContext): string {
  return (Reflect.getMetadata(OPERATION, context.getHandler()) as string | undefined) ?? context.getHandler().name;
}

/** Airflow answers these without a token; load balancers rely on it. */
const PUBLIC_OPERATIONS: ReadonlySet<OperationId> = new Set(['get_health', 'get_version', 'login', 'logout'] as const);

/**
 * @throws Error that names every operation without a handler or with two. Called before the api listens, so that an
 * unanswered operation is found at start and not by a client.
 */
export function checkOperations(controllers: readonly Type[]): void {
  const handlers = new Map<string, string[]>();
  const problems: string[] = [];
  for (const controller of controllers) {
    for (const name of Object.getOwnPropertyNames(controller.prototype)) {
      const method: unknown = Object.getOwnPropertyDescriptor(controller.prototype, name)?.value;
      if (name === 'constructor' || typeof method !== 'function') continue;
      const id = Reflect.getMetadata(OPERATION, method) as string | undefined;
      if (id !== undefined) handlers.set(id, [...(handlers.get(id) ?? []), `${controller.name}.${name}`]);
      if (Reflect.getMetadata('path', method) !== undefined && Reflect.getMetadata(NEEDS, method) === undefined) problems.push(`${controller.name}.${name} names no permission`);
      const status = Reflect.getMetadata('__httpCode__', method) as number;
      if (Reflect.getMetadata('path', method) !== undefined && Reflect.getMetadata(ANSWERED, method) === undefined && status !== 204 && status !== 302) problems.push(`${controller.name}.${name} names no answer`);
    }
  }
  for (const id of Object.keys(OPERATIONS)) {
    const found = handlers.get(id) ?? [];
    if (found.length === 0) problems.push(`${id} has no handler`);
    if (found.length > 1) problems.push(`${id} has ${found.length} handlers: ${found.join(', ')}`);
  }
  if (problems.length > 0) throw new Error(`The REST API is inconsistent:\n  ${problems.join('\n  ')}`);
}

/** Where a handler answers and what it asks of its caller. */
export interface RouteFacts {
  readonly name: string;
  readonly method: string;
  readonly path: string;
  readonly needs: Needs;
}

/** Every route of these controllers, Airflow's and ours. */
export function routesOf(controllers: readonly Type[]): readonly RouteFacts[] {
  return controllers.flatMap((controller) => Object.getOwnPropertyNames(controller.prototype).flatMap((name) => {
    const handler: unknown = Object.getOwnPropertyDescriptor(controller.prototype, name)?.value;
    const path = typeof handler === 'function' && name !== 'constructor' ? (Reflect.getMetadata('path', handler) as string | undefined) : undefined;
    if (typeof handler !== 'function' || path === undefined) return [];
    return [{ name: (Reflect.getMetadata(OPERATION, handler) as string | undefined) ?? `${controller.name}.${name}`, method: RequestMethod[Reflect.getMetadata('method', handler) as number]!, path, needs: Reflect.getMetadata(NEEDS, handler) as Needs }];
  }));
}
