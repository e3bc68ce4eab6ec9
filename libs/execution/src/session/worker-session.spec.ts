import type { executionProto } from '@millrace/contracts';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { buildEntries } from '../testing/build-entries.js';
import { FakeScheduler } from '../testing/fake-scheduler.js';
import { gone, isRunning } from '../testing/processes.js';
import { WorkerRig, bundleOf, grantOf, type RigOptions } from '../testing/worker-rig.js';

type Grant = executionProto.Grant;

let built: Awaited<ReturnType<typeof buildEntries>>;
let one: FakeScheduler;
let two: FakeScheduler;
let rig: WorkerRig;

beforeAll(async () => {
  built = await buildEntries();
});
afterAll(() => built.remove());
beforeEach(async () => {
  [one, two] = [await new FakeScheduler('one').start(), await new FakeScheduler('two').start()];
});
afterEach(async () => {
  await rig.stop();
  one.stop();
  two.stop();
});

async function start(options: Partial<RigOptions> = {}): Promise<WorkerRig> {
  rig = new WorkerRig({ entries: built.entries, schedulers: [one], ...options });
  return rig.start();
}

const noop = (more: Partial<Grant> = {}): Grant => grantOf(hashOf(`() => 1`), 'task', more);
function hashOf(body: string): string {
  two.addBundle(bundleOf({ task: body }));
  return one.addBundle(bundleOf({ task: body }));
}
const ended = (scheduler: FakeScheduler, grant: Grant): Promise<executionProto.Completion> => scheduler.completions.find((done) => done.attemptId === grant.attemptId);

describe('claims', () => {
  it('takes the parts of a message that fit, and the rest when slots are free', async () => {
    await start({ concurrency: 2 });
    const grants = [1, 2, 3, 4, 5].map((tryNumber) => noop({ tryNumber }));
    rig.publish(...grants);
    await one.completions.count(5);
    expect(one.claims.all.map((claim) => claim.attemptId)).toEqual(grants.map((grant) => grant.attemptId));
    expect(await rig.broker.depth('default')).toBe(0);
  });

  it('never claims more than it has slots, and gives back what it cannot start', async () => {
    await start({ concurrency: 1 });
    const blocker = grantOf(hashOf(`({ log, signal }) => new Promise((resolve) => { log.info('blocking'); signal.addEventListener('abort', resolve); })`), 'task');
    rig.publish(blocker);
    await rig.logged(blocker, 'blocking');
    const waiting = noop({ tryNumber: 2 });
    rig.publish(waiting);
    while ((await rig.broker.depth('default')) !== 1) await new Promise((resolve) => setImmediate(resolve));
    expect(one.claims.all.map((claim) => claim.attemptId)).toEqual([blocker.attemptId]);
    one.send({ $case: 'cancel', value: { attemptIds: [blocker.attemptId], reason: 'test' } });
    expect(await ended(one, waiting)).toMatchObject({ outcome: 'success' });
  });

  it('drops what is refused and tries again later what could not be decided', async () => {
    await start();
    const [refused, later] = [noop(), noop({ tryNumber: 2 })];
    let undecided = 2;
    one.onClaim = (item) => (item.attemptId === refused.attemptId ? 'refused' : undecided-- > 0 ? 'later' : undefined);
    rig.publish(refused, later);
    await ended(one, later);
    expect([one.completions.all.length, await rig.broker.depth('default')]).toEqual([1, 0]);
  });

  it('claims with the same token when the reply is lost, and runs once', async () => {
    await start();
    let lost = false;
    one.onClaim = () => {
      if (lost) return undefined;
      lost = true;
      setImmediate(() => one.cut());
      return 'silence';
    };
    const grant = noop();
    rig.publish(grant);
    await ended(one, grant);
    const tokens = one.claims.all.map((claim) => claim.claimToken);
    expect([tokens.length, new Set(tokens).size, one.completions.all.length]).toEqual([2, 1, 1]);
  });
});

describe('results', () => {
  it('are sent until they are answered for good', async () => {
    await start();
    let times = 0;
    one.onComplete = () => ({ result: times++ < 2 ? 'later' : 'accepted' });
    const grant = noop();
    rig.publish(grant);
    await one.completions.count(3);
    while (rig.worker.spooledCount > 0) await new Promise((resolve) => setImmediate(resolve));
    expect(rig.worker.freeSlots).toBe(4);
  });

  it('are sent again when the answer is lost, elsewhere if their scheduler is away', async () => {
    await start({ schedulers: [one, two] });
    await Promise.all([one.hellos.count(1), two.hellos.count(1)]);
    one.onComplete = () => {
      setImmediate(() => one.stop());
      return { silence: true };
    };
    const grant = noop({ homeSchedulerId: 'one' });
    rig.publish(grant);
    const [first, second] = [await ended(one, grant), await ended(two, grant)];
    expect(second).toEqual(first);
  });

  it('are forgotten when refused', async () => {
    await start();
    one.onComplete = () => ({ result: 'refused' });
    const grant = noop();
    rig.publish(grant);
    await ended(one, grant);
    while (rig.worker.spooledCount > 0) await new Promise((resolve) => setImmediate(resolve));
    expect(one.completions.all.length).toBe(1);
  });

  it('bring successors that take the freed slot', async () => {
    await start({ concurrency: 1 });
    const hash = hashOf('() => 1');
    const chain = [1, 2, 3, 4, 5].map((tryNumber) => grantOf(hash, 'task', { tryNumber }));
    one.onComplete = (done) => {
      const next = chain[chain.findIndex((grant) => grant.attemptId === done.attemptId) + 1];
      return next === undefined || !done.wantsMore ? {} : { next: [next] };
    };
    rig.publish(chain[0] as Grant);
    expect((await one.completions.count(5)).map((done) => done.attemptId)).toEqual(chain.map((grant) => grant.attemptId));
    expect(one.claims.all.length).toBe(1);
  });

  it('bring successors while messages wait, and nothing else then', async () => {
    await start({ concurrency: 1 });
    const hash = hashOf('() => 1');
    const [first, second, waiting] = [1, 2, 3].map((tryNumber) => grantOf(hash, 'task', { tryNumber })) as [Grant, Grant, Grant];
    one.onComplete = (done) => (done.attemptId === first.attemptId ? { next: [second] } : {});
    rig.publish(first, waiting);
    const done = await one.completions.count(3);
    expect(done.map((each) => [each.attemptId, each.wantsMore, each.onlySuccessor])).toEqual([[first.attemptId, true, true], [second.attemptId, true, true], [waiting.attemptId, true, false]]);
  });

  it('do not keep a slot from the queue for long', async () => {
    await start({ concurrency: 1, offerEveryMs: 0 });
    rig.publish(noop());
    expect(await one.completions.count(1)).toMatchObject([{ wantsMore: false }]);
  });

  it('bring attempts whose message waits here: it is not asked about again', async () => {
    await start({ concurrency: 1 });
    const hash = hashOf('() => 1');
    const grants = [1, 2, 3].map((tryNumber) => grantOf(hash, 'task', { tryNumber })) as [Grant, Grant, Grant];
    one.onComplete = (done) => (done.attemptId === grants[0].attemptId ? { next: [grants[1]] } : {});
    rig.publish(...grants);
    await one.completions.count(3);
    expect(one.claims.all.map((claim) => claim.attemptId)).toEqual([grants[0].attemptId, grants[2].attemptId]);
    while ((await rig.broker.depth('default')) !== 0) await new Promise((resolve) => setImmediate(resolve));
  });
});

describe('the session', () => {
  it('is one over all schedulers, also those it learns of', async () => {
    one.others = [{ schedulerId: 'one', address: one.address }, { schedulerId: 'two', address: two.address }];
    await start();
    const [first, second] = [await one.hellos.count(1), await two.hellos.count(1)];
    expect(second[0]?.sessionId).toBe(first[0]?.sessionId);
    const grant = noop({ homeSchedulerId: 'two' });
    rig.publish(grant);
    expect(await ended(two, grant)).toMatchObject({ outcome: 'success' });
  });

  it('says in its heartbeats what runs, on one stream', async () => {
    await start();
    const grant = grantOf(hashOf(`({ signal }) => new Promise((resolve) => signal.addEventListener('abort', resolve))`), 'task');
    rig.publish(grant);
    expect(await one.beats.find((beat) => beat.running.length > 0)).toMatchObject({ freeSlots: 3, draining: false, running: [{ attemptId: grant.attemptId, instanceId: grant.instanceId, claimToken: one.claims.all[0]?.claimToken }] });
  });

  it('is taken leave of at every scheduler when the worker stops', async () => {
    await start({ schedulers: [one, two] });
    await Promise.all([one.hellos.count(1), two.hellos.count(1)]);
    const grant = noop({ homeSchedulerId: 'two' });
    rig.publish(grant);
    await ended(two, grant);
    await rig.worker.stop();
    for (const scheduler of [one, two]) expect(scheduler.leaves.all).toMatchObject([{ draining: true, freeSlots: 0, running: [], spooled: 0 }]);
  });

  it('is left to its lease while results wait for an answer', async () => {
    await start();
    one.onComplete = () => ({ silence: true });
    const grant = noop();
    rig.publish(grant);
    await ended(one, grant);
    await rig.worker.stop();
    expect(one.leaves.all).toEqual([]);
  }, 15_000);

  it('goes on under the same id when a stream breaks', async () => {
    await start();
    await one.hellos.count(1);
    one.cut();
    const hellos = await one.hellos.count(2);
    expect(hellos[1]?.sessionId).toBe(hellos[0]?.sessionId);
  });

  it.each([
    ['no heartbeat is answered', () => void (one.answersBeats = false), /no heartbeat was answered for 400 ms/],
    ['the scheduler ends it', () => one.send({ $case: 'ended', value: { reason: 'lease expired' } }), /lease expired/],
  ])('kills its attempts and begins anew when %s', async (_, trouble, said) => {
    await start({ selfFenceMs: 400 });
    const grant = grantOf(hashOf(`({ log }) => { log.info('pid ' + process.pid + ';'); return new Promise(() => {}); }`), 'task');
    rig.publish(grant);
    await rig.logged(grant, ';');
    const pid = Number(/pid (\d+);/.exec(rig.log(grant))?.[1]);
    expect(isRunning(pid)).toBe(true);
    const first = one.hellos.all[0]?.sessionId;
    trouble();
    await gone(pid);
    expect(rig.said.find((line) => line.level === 'error')?.fields?.['reason']).toMatch(said);
    one.answersBeats = true;
    await one.hellos.find((hello) => hello.sessionId !== first);
    const next = noop({ tryNumber: 2 });
    rig.publish(next);
    await ended(one, next);
    // A result of the lost attempt would be one of an attempt others may already have called lost.
    expect(one.completions.all.map((done) => done.attemptId)).toEqual([next.attemptId]);
  });

  it('moves at once to a scheduler that came back when the last other one dies', async () => {
    one.beatEveryMs = two.beatEveryMs = 100;
    await start({ schedulers: [one, two], selfFenceMs: 1_000 });
    const grant = grantOf(hashOf(`({ log, signal }) => new Promise((resolve) => { log.info('begun'); signal.addEventListener('abort', resolve); })`), 'task');
    rig.publish(grant);
    await rig.logged(grant, 'begun');
    const [first] = await one.hellos.count(1);
    two.stop();
    await one.beats.count(one.beats.all.length + 25); // The back-off toward the other has grown.
    const hellos = two.hellos.all.length;
    await two.start();
    one.stop();
    await two.hellos.count(hellos + 1);
    await two.beats.count(two.beats.all.length + 2);
    expect(new Set([...one.hellos.all, ...two.hellos.all].map((hello) => hello.sessionId))).toEqual(new Set([first?.sessionId]));
    two.send({ $case: 'cancel', value: { attemptIds: [grant.attemptId], reason: 'test' } });
    await ended(two, grant);
  });

  it('works when the schedulers come back after all were away', async () => {
    await start();
    await one.hellos.count(1);
    one.stop();
    const grant = noop();
    rig.publish(grant);
    await one.start();
    expect(await ended(one, grant)).toMatchObject({ outcome: 'success' });
  });
});
