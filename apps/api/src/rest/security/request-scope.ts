import { AsyncLocalStorage } from 'node:async_hooks';
import type { Actor, Scope } from '@millrace/access';

/** Who asks, and to which things the route they called may be done by them. */
export interface RequestScope {
  readonly actor: Actor | null;
  readonly scope: Scope;
  /** What the audit log calls this request. */
  readonly event?: string;
}

const current = new AsyncLocalStorage<RequestScope>();

/** Does something on behalf of somebody: whatever readers are asked meanwhile, they show only what lies in the scope. */
export function withScope<Result>(scope: RequestScope, work: () => Result): Result {
  return current.run(scope, work);
}

/** The scope of the request that is being answered. @throws Error when there is none: nothing is read for nobody. */
export function currentScope(): RequestScope {
  const scope = current.getStore();
  if (scope === undefined) throw new Error('something was read without saying for whom');
  return scope;
}

/** For readers: dags that the caller may see, null for all. */
export function visibleDags(): readonly string[] | null {
  return currentScope().scope.dagIds;
}

/** What is read while it is consumed is read for whoever asked, also when something else than the request pulls. */
export function scoped<Item>(items: AsyncIterable<Item>): AsyncGenerator<Item, void, undefined> {
  return pulled(items, currentScope());
}

async function* pulled<Item>(items: AsyncIterable<Item>, scope: RequestScope): AsyncGenerator<Item, void, undefined> {
  const iterator = items[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await withScope(scope, () => iterator.next());
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    await withScope(scope, () => iterator.return?.());
  }
}
