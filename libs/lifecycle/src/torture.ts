import type { Service } from './service.js';

/**
 * Overlapping starts and stops in an order fixed by the seed; ends stopped. For the spec of every service:
 * it must neither throw nor hang, and `check` (called when stopped) must find nothing left open.
 */
export async function tortureStartStop(service: Service, { rounds = 500, seed = 1, check }: { readonly rounds?: number; readonly seed?: number; readonly check?: () => void } = {}): Promise<void> {
  let state = seed >>> 0;
  const random = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
  const calls: Promise<void>[] = [];
  for (let round = 0; round < rounds; round++) {
    calls.push(random() < 0.5 ? service.start() : service.stop());
    const next = random();
    if (next < 0.2) await Promise.resolve();
    else if (next < 0.4) await new Promise((resolve) => setImmediate(resolve));
    else if (next < 0.45) await Promise.all(calls.splice(0));
  }
  calls.push(service.stop());
  await Promise.all(calls);
  check?.();
}
