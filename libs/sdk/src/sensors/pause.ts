/** The longest a timer can be set for. */
const MAX_PAUSE_MS = 2_147_483_647;

/** Sleeps; rejects with the signal's reason when the try is to stop. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer);
      reject(signal.reason instanceof Error ? signal.reason : new Error('stopped'));
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stop);
      resolve();
    }, Math.min(ms, MAX_PAUSE_MS));
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
}
