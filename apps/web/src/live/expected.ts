import { useSyncExternalStore } from 'react';

/**
 * What somebody has just chosen and the server has not confirmed. It lies over what queries say, in a store of its own: a query's
 * observers hear of a changed cache only in a later task (a controlled switch would jump back until then), and an answer
 * that was asked for before the choice would put the old value back.
 */
const expectations = new Map<string, { readonly value: unknown }>();
const listeners = new Set<() => void>();

/** Shows `value` under `key` at once. @returns ends it, unless something newer is expected by then. */
export function expectValue(key: string, value: unknown): () => void {
  const mine = { value };
  expectations.set(key, mine);
  tell();
  return () => {
    if (expectations.get(key) !== mine) return;
    expectations.delete(key);
    tell();
  };
}

/** What is expected under a key, else what is known. */
export function useExpected<T>(key: string, known: T): T {
  const expected = useSyncExternalStore(subscribe, () => expectations.get(key));
  return expected === undefined ? known : (expected.value as T);
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function tell(): void {
  for (const listener of listeners) listener();
}
