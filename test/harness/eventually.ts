import { waitFor } from '@millrace/test-services';

/** Waits for a condition of a constellation. The limit only ends a test that would hang for ever; it is no expectation. */
export function eventually<Value>(what: string, look: () => Promise<Value> | Value, withinMs = 60_000): Promise<Exclude<Value, null | undefined | false>> {
  return waitFor(look, { what, timeoutMs: withinMs });
}
