import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { TaskContext } from '../context/task-context.js';
import { dag } from '../dag/dag.js';
import { Sensor } from './sensor.js';

class Never extends Sensor {
  override poke(): boolean {
    return false;
  }
}

/** Its looks one after the other, each late by so many seconds, as schedulers would run it: across retries too. When and how it ended. */
async function lived(timeout: number, pokeInterval: number, exponentialBackoff: boolean, lateness: readonly number[], tries: readonly number[]): Promise<{ endedAt: number; looks: number; name: string }> {
  let sensor!: Never;
  dag('d', {}, () => void (sensor = new Never('s', { mode: 'reschedule', timeout, pokeInterval, exponentialBackoff })));
  let now = 0;
  for (let looks = 0; ; looks++) {
    // A try that broke for another reason: the next one goes on counting.
    if (tries.includes(looks)) now += 1;
    const context = { dagId: 'd', runId: 'r', taskId: 's', indexPath: [], looks, nowMs: now * 1_000, firstStartDate: new Date(0), log: { error() {} }, signal: new AbortController().signal } as unknown as TaskContext;
    const thrown = await sensor.execute(context).then(() => null, (error: { millrace: string; name: string; resumeAfterMs: number }) => error);
    if (thrown === null || thrown.millrace !== 'reschedule') return { endedAt: now, looks: looks + 1, name: thrown?.name ?? 'done' };
    expect(thrown.resumeAfterMs).toBeGreaterThanOrEqual(0);
    // No pause goes beyond the time-out.
    expect(now + thrown.resumeAfterMs / 1_000).toBeLessThanOrEqual(timeout + 1e-6);
    now += thrown.resumeAfterMs / 1_000 + (lateness[looks % Math.max(1, lateness.length)] ?? 0);
  }
}

it('a sensor times out at its time-out, counted from the first start across looks and retries, and not before', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 5_000 }), fc.integer({ min: 1, max: 600 }), fc.boolean(), fc.array(fc.integer({ min: 0, max: 30 }), { maxLength: 5 }), fc.array(fc.integer({ min: 1, max: 20 }), { maxLength: 3 }),
      async (timeout, pokeInterval, exponentialBackoff, lateness, tries) => {
        const { endedAt, name } = await lived(timeout, pokeInterval, exponentialBackoff, lateness, tries);
        expect(name).toBe('SensorTimeout');
        expect(endedAt).toBeGreaterThanOrEqual(timeout);
        // As late as the last look was, and no later.
        expect(endedAt).toBeLessThanOrEqual(timeout + Math.max(0, ...lateness) + 1);
      },
    ),
    { numRuns: 60 },
  );
});
