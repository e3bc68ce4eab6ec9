/** Asked again this often: short, because what is waited for is usually there within milliseconds. */
const ASK_EVERY_MS = 25;

/**
 * Waits for a condition: resolves with the first value that is neither null, undefined nor false.
 * @throws when `withinMs` have passed, with `what` and what was seen last. The limit only ends a test that would hang for ever.
 */
export async function eventually<Value>(what: string, look: () => Promise<Value | null | undefined | false> | Value | null | undefined | false, withinMs = 30_000): Promise<Value> {
  const began = performance.now();
  let lastError: unknown;
  for (;;) {
    try {
      const value = await look();
      if (value !== null && value !== undefined && value !== false) return value;
      lastError = undefined;
    } catch (error) {
      lastError = error;
    }
    if (performance.now() - began > withinMs) throw new Error(`waited ${withinMs} ms for: ${what}${lastError === undefined ? '' : ` (last: ${String(lastError)})`}`);
    await new Promise((resolve) => setTimeout(resolve, ASK_EVERY_MS));
  }
}
