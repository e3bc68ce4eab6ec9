import type { RunnerAnswer, StateQuestion } from '@millrace/contracts';

/** Values that outlive tries and runs, of tasks and of assets. */
export class StateTable {
  private readonly stores = new Map<string, Map<string, { readonly json: string; readonly version: number }>>();

  constructor(given: Readonly<Record<string, Readonly<Record<string, unknown>>>>) {
    for (const [store, values] of Object.entries(given)) {
      for (const [key, value] of Object.entries(values)) this.store(store).set(key, { json: JSON.stringify(value), version: 1 });
    }
  }

  answer(taskId: string, question: StateQuestion): RunnerAnswer {
    const store = this.store(question.asset === '' ? taskId : `asset:${question.asset}`);
    const found = store.get(question.key);
    const version = found?.version ?? 0;
    switch (question.operation) {
      case 'get':
        return { stored: { json: found?.json ?? null, version, conflict: false } };
      case 'list':
        return { stored: { json: JSON.stringify([...store.keys()].sort()), version: 0, conflict: false } };
      case 'delete':
        store.delete(question.key);
        return { stored: { json: null, version: 0, conflict: false } };
      case 'set':
        if (question.expectedVersion !== null && question.expectedVersion !== version) return { stored: { json: found?.json ?? null, version, conflict: true } };
        store.set(question.key, { json: question.json, version: version + 1 });
        return { stored: { json: question.json, version: version + 1, conflict: false } };
      default:
        return question.operation satisfies never;
    }
  }

  /** All values, by store and key. */
  values(): Record<string, Record<string, unknown>> {
    return Object.fromEntries([...this.stores].map(([name, store]) => [name, Object.fromEntries([...store].map(([key, { json }]) => [key, JSON.parse(json) as unknown]))]));
  }

  private store(name: string): Map<string, { readonly json: string; readonly version: number }> {
    let store = this.stores.get(name);
    if (store === undefined) this.stores.set(name, (store = new Map()));
    return store;
  }
}
