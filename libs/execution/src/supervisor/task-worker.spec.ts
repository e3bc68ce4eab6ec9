import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { buildRunner } from '../testing/built-runner.js';
import { FakeScheduler } from '../testing/fake-scheduler.js';
import { WorkerRig, bundleOf, grantOf, type RigOptions } from '../testing/worker-rig.js';

let runner: Awaited<ReturnType<typeof buildRunner>>;
let scheduler: FakeScheduler;
let rig: WorkerRig | undefined;

beforeAll(async () => {
  runner = await buildRunner();
});
afterAll(() => runner.remove());
beforeEach(async () => {
  scheduler = await new FakeScheduler().start();
});
afterEach(async () => {
  await rig?.stop();
  rig = undefined;
  scheduler.stop();
});

async function start(options: Partial<RigOptions> = {}): Promise<WorkerRig> {
  rig = new WorkerRig({ runnerEntry: runner.entry, schedulers: [scheduler], ...options });
  return rig.start();
}

describe('a task from message to result', () => {
  it('runs and reports what it returned, with its log on disk', async () => {
    const worker = await start();
    const grant = grantOf(scheduler.addBundle(bundleOf({ hello: `async ({ log }) => { log.info('working'); console.log('printed'); return { answer: 42 }; }` })), 'hello');
    worker.publish(grant);
    const completion = await scheduler.completions.find((one) => one.attemptId === grant.attemptId);
    expect(completion).toMatchObject({ outcome: 'success', error: '', xcoms: [{ key: 'return_value', json: '{"answer":42}' }] });
    expect(completion.claimToken).toBe(scheduler.claims.all[0]?.claimToken);
    const log = worker.log(grant);
    expect(log).toMatch(/^\[\d{4}-\d\d-\d\dT[\d:.]+\+0000\] \{runner\} INFO - Starting attempt 1 of 1: example.hello/);
    expect(log).toContain('{task} INFO - working');
    expect(log).toContain('{task.stdout} INFO - printed');
    expect(log).toContain('Marking task as SUCCESS');
  });
});
