import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { AttemptsReady, Wake } from '@millrace/contracts';
import { tortureStartStop } from '@millrace/lifecycle';
import type { Metrics } from '@millrace/telemetry';
import { createMetrics } from '@millrace/telemetry';
import type { Broker, Delivery } from './broker.js';

/** How the suite gets brokers of one kind. All brokers of one test see the same queues; every test begins with empty ones. */
export interface BrokerFixture {
  create(metrics: Metrics): Broker;
  /** Resolves when a started broker is connected both ways. */
  connected(broker: Broker): Promise<void>;
  /** Messages parked. */
  deadLetters(): Promise<number>;
  /** False for queues that count no deliveries; default true. */
  readonly parksWhatKeepsComingBack?: boolean;
  dispose(): Promise<void>;
}

/** What every broker must do. Queue names are new in each test, so that nothing is left over. */
export function describeBroker(name: string, fixtureOf: () => Promise<BrokerFixture>): void {
  describe(`${name} keeps what a broker promises`, () => {
    let fixture: BrokerFixture;
    let metrics: Metrics;
    let brokers: Broker[];
    let queue: string;

    beforeEach(async () => {
      fixture = await fixtureOf();
      metrics = createMetrics('spec', { process: false });
      brokers = [];
      queue = `q-${randomUUID()}`;
    });
    afterEach(async () => {
      await Promise.all(brokers.map((broker) => broker.stop()));
      await fixture.dispose();
    });

    function created(): Broker {
      const broker = fixture.create(metrics);
      brokers.push(broker);
      return broker;
    }
    async function started(): Promise<Broker> {
      const broker = created();
      const connected = fixture.connected(broker);
      await broker.start();
      await connected;
      return broker;
    }
    async function malformed(): Promise<number> {
      const metric = await metrics.registry.getSingleMetric('millrace_broker_malformed_messages_total')?.get();
      return metric?.values.reduce((sum, { value }) => sum + value, 0) ?? 0;
    }

    it('publishes nothing before start, and says so', async () => {
      expect(await created().publishAttempts(queue, attempts())).toBe('not-connected');
    });

    it('delivers what was published, once and unchanged', async () => {
      const broker = await started();
      const inbox = new Inbox();
      await broker.consumeAttempts(queue, { prefetch: 10 }, inbox.take);
      const message = attempts(3);
      expect(await broker.publishAttempts(queue, message)).toBe('confirmed');
      const delivery = await inbox.at(0);
      expect(delivery.message).toEqual(message);
      expect(delivery.redelivered).toBe(false);
      delivery.ack();
      await settled(broker, queue, 0);
      expect(inbox.deliveries).toHaveLength(1);
    });

    it('keeps messages for a consumer that comes later, in order', async () => {
      const broker = await started();
      const sent = Array.from({ length: 20 }, () => attempts());
      for (const message of sent) await broker.publishAttempts(queue, message);
      await settled(broker, queue, 20);
      const inbox = new Inbox();
      await broker.consumeAttempts(queue, { prefetch: 50 }, inbox.take);
      await inbox.at(19);
      expect(inbox.deliveries.map(({ message }) => message)).toEqual(sent);
    });

    it('gives a consumer no more than its prefetch before it settles some', async () => {
      const broker = await started();
      const inbox = new Inbox();
      await broker.consumeAttempts(queue, { prefetch: 2 }, inbox.take);
      for (let i = 0; i < 5; i++) await broker.publishAttempts(queue, attempts());
      await inbox.at(1);
      await settled(broker, queue, 3);
      expect(inbox.deliveries).toHaveLength(2);
      (await inbox.at(0)).ack();
      await inbox.at(2);
      await settled(broker, queue, 2);
      expect(inbox.deliveries).toHaveLength(3);
    });

    it('shares a queue between consumers', async () => {
      const [broker, inboxes] = [await started(), [new Inbox(), new Inbox()] as const];
      const other = await started();
      await broker.consumeAttempts(queue, { prefetch: 1 }, inboxes[0].take);
      await other.consumeAttempts(queue, { prefetch: 1 }, inboxes[1].take);
      await broker.publishAttempts(queue, attempts());
      await broker.publishAttempts(queue, attempts());
      await Promise.all([inboxes[0].at(0), inboxes[1].at(0)]);
    });

    it('keeps queues apart', async () => {
      const broker = await started();
      const [inbox, elsewhere] = [new Inbox(), new Inbox()];
      await broker.consumeAttempts(`${queue}-other`, { prefetch: 10 }, elsewhere.take);
      await broker.consumeAttempts(queue, { prefetch: 10 }, inbox.take);
      await broker.publishAttempts(queue, attempts());
      await inbox.at(0);
      expect(elsewhere.deliveries).toHaveLength(0);
    });

    it('delivers again what was given back, and marks it', async () => {
      const broker = await started();
      const inbox = new Inbox();
      await broker.consumeAttempts(queue, { prefetch: 10 }, inbox.take);
      await broker.publishAttempts(queue, attempts());
      (await inbox.at(0)).nack({ requeue: true });
      const again = await inbox.at(1);
      expect(again.message).toEqual(inbox.deliveries[0]?.message);
      expect(again.redelivered).toBe(true);
    });

    it('parks what was given back for good', async () => {
      const broker = await started();
      const inbox = new Inbox();
      await broker.consumeAttempts(queue, { prefetch: 10 }, inbox.take);
      await broker.publishAttempts(queue, attempts());
      (await inbox.at(0)).nack({ requeue: false });
      await vi.waitFor(async () => expect(await fixture.deadLetters()).toBe(1), { timeout: 10_000 });
      expect(inbox.deliveries).toHaveLength(1);
    });

    it('does nothing when a delivery is settled twice', async () => {
      const broker = await started();
      const inbox = new Inbox();
      await broker.consumeAttempts(queue, { prefetch: 1 }, inbox.take);
      await broker.publishAttempts(queue, attempts());
      const first = await inbox.at(0);
      first.ack();
      first.ack();
      first.nack({ requeue: true });
      const next = attempts();
      await broker.publishAttempts(queue, next);
      expect((await inbox.at(1)).message).toEqual(next);
    });

    it('settles out of order, each delivery for itself', async () => {
      const broker = await started();
      const [inbox, heir] = [new Inbox(), new Inbox()];
      const subscription = await broker.consumeAttempts(queue, { prefetch: 10 }, inbox.take);
      const sent = Array.from({ length: 7 }, () => attempts());
      for (const message of sent) await broker.publishAttempts(queue, message);
      await inbox.at(6);
      const at = (index: number): Delivery<AttemptsReady> => inbox.deliveries[index] as Delivery<AttemptsReady>;
      for (const index of [6, 1, 0, 4]) at(index).ack(); // 2, 3 and 5 stay open.
      at(3).nack({ requeue: false });
      await subscription.cancel();
      await broker.consumeAttempts(queue, { prefetch: 10 }, heir.take);
      await heir.at(1);
      expect(new Set(heir.deliveries.map(({ message }) => message.ids[0]?.[0]))).toEqual(new Set([2, 5].map((index) => sent[index]?.ids[0]?.[0])));
      await settled(broker, queue, 0);
      await vi.waitFor(async () => expect(await fixture.deadLetters()).toBe(1), { timeout: 10_000 });
      expect(heir.deliveries).toHaveLength(2);
    });

    it('takes back what a cancelled consumer has not settled', async () => {
      const broker = await started();
      const [inbox, heir] = [new Inbox(), new Inbox()];
      const subscription = await broker.consumeAttempts(queue, { prefetch: 10 }, inbox.take);
      const message = attempts();
      await broker.publishAttempts(queue, message);
      const delivery = await inbox.at(0);
      await subscription.cancel();
      await subscription.cancel();
      delivery.ack(); // Too late, and harmless.
      await broker.consumeAttempts(queue, { prefetch: 10 }, heir.take);
      const again = await heir.at(0);
      expect(again.message).toEqual(message);
      expect(again.redelivered).toBe(true);
      expect(inbox.deliveries).toHaveLength(1);
    });

    it('never shows a malformed message to the handler: it is parked and counted', async () => {
      const broker = await started();
      const inbox = new Inbox();
      await broker.consumeAttempts(queue, { prefetch: 10 }, inbox.take);
      const bad = [{ ...attempts(), v: 2 }, { ...attempts(), ids: [] }, { ...attempts(), ids: [['x', 'y']] }, 'garbage', null] as unknown as AttemptsReady[];
      for (const message of bad) await broker.publishAttempts(queue, message);
      const good = attempts();
      await broker.publishAttempts(queue, good);
      expect((await inbox.at(0)).message).toEqual(good);
      expect(await malformed()).toBe(bad.length);
      await vi.waitFor(async () => expect(await fixture.deadLetters()).toBe(bad.length), { timeout: 10_000 });
    });

    it('delivers again when a handler throws', async () => {
      const broker = await started();
      const inbox = new Inbox();
      let calls = 0;
      await broker.consumeAttempts(queue, { prefetch: 10 }, (delivery) => {
        if (++calls === 1) throw new Error('a bug');
        inbox.take(delivery);
      });
      await broker.publishAttempts(queue, attempts());
      expect((await inbox.at(0)).redelivered).toBe(true);
    });

    it('parks a message that keeps coming back, so that it cannot go round for ever', async () => {
      if (fixture.parksWhatKeepsComingBack === false) return;
      const broker = await started();
      await broker.consumeAttempts(queue, { prefetch: 1 }, (delivery) => delivery.nack({ requeue: true }));
      await broker.publishAttempts(queue, attempts());
      await vi.waitFor(async () => expect(await fixture.deadLetters()).toBe(1), { timeout: 10_000 });
    });

    it('knows how many messages wait', async () => {
      const broker = await started();
      expect(await broker.depth(queue)).toBe(0);
      await broker.publishAttempts(queue, attempts());
      await settled(broker, queue, 1);
    });

    it('rings the listeners of the partition, all of them, and nobody else', async () => {
      const [broker, other] = [await started(), await started()];
      const [mine, theirs] = [new Bell(), new Bell()];
      await broker.listen([1, 2], mine.take);
      await other.listen([2, 3], theirs.take);
      await vi.waitFor(() => expect([broker.health().ok, other.health().ok]).toEqual([true, true]));
      broker.ring(1, wake('r1'));
      broker.ring(2, wake('r2'));
      broker.ring(3, wake('r3'));
      await mine.heard('r2');
      await theirs.heard('r3');
      expect(mine.runs).toEqual(new Set([id('r1'), id('r2')]));
      expect(theirs.runs).toEqual(new Set([id('r2'), id('r3')]));
    });

    it('changes partitions when told again, with the handler of the last call', async () => {
      const broker = await started();
      const [before, after] = [new Bell(), new Bell()];
      await broker.listen([1, 2], before.take);
      await vi.waitFor(() => expect(broker.health().ok).toBe(true));
      broker.ring(1, wake('r1'));
      await before.heard('r1');
      await broker.listen([2, 3], after.take);
      for (const [partition, run] of [[1, 'r2'], [2, 'r3'], [3, 'r4']] as const) broker.ring(partition, wake(run));
      await after.heard('r4');
      await after.heard('r3');
      expect(after.runs).toEqual(new Set([id('r3'), id('r4')]));
      expect(before.runs).toEqual(new Set([id('r1')]));
    });

    it('gathers rings of one turn into one', async () => {
      const broker = await started();
      const bell = new Bell();
      await broker.listen([5], bell.take);
      await vi.waitFor(() => expect(broker.health().ok).toBe(true));
      for (let i = 0; i < 100; i++) broker.ring(5, wake(`r${i}`));
      await bell.heard('r99');
      expect(bell.rings).toBe(1);
      expect(bell.runs.size).toBe(100);
    });

    it('is quiet when stopped, and takes up its work when started again', async () => {
      const broker = await started();
      const [inbox, bell] = [new Inbox(), new Bell()];
      await broker.consumeAttempts(queue, { prefetch: 10 }, inbox.take);
      await broker.listen([7], bell.take);
      const message = attempts();
      await broker.publishAttempts(queue, message);
      const unsettled = await inbox.at(0);
      await broker.stop();
      unsettled.ack();
      broker.ring(7, wake('lost'));
      expect(await broker.publishAttempts(queue, attempts())).toBe('not-connected');
      expect(await broker.depth(queue)).toBeNull();
      expect(broker.health().ok).toBe(false);
      const connected = fixture.connected(broker);
      await broker.start();
      await connected;
      const again = await inbox.at(1);
      expect(again.message).toEqual(message);
      expect(again.redelivered).toBe(true);
      await vi.waitFor(() => expect(broker.health().ok).toBe(true));
      broker.ring(7, wake('found'));
      await bell.heard('found');
      expect(bell.runs).toEqual(new Set([id('found')]));
    });

    it('survives overlapping starts and stops', async () => {
      const broker = created();
      await broker.consumeAttempts(queue, { prefetch: 10 }, () => undefined);
      await tortureStartStop(broker, { rounds: 100 });
      const connected = fixture.connected(broker);
      await broker.start();
      await connected;
      expect(await broker.publishAttempts(queue, attempts())).toBe('confirmed');
    });
  });
}

export function attempts(count = 1): AttemptsReady {
  return { v: 1, ids: Array.from({ length: count }, () => [randomUUID(), randomUUID()] as [string, string]), home: 'spec' };
}

/** Deliveries in the order they came; none is settled unless the test does. */
export class Inbox {
  readonly deliveries: Delivery<AttemptsReady>[] = [];
  readonly take = (delivery: Delivery<AttemptsReady>): void => void this.deliveries.push(delivery);

  async at(index: number): Promise<Delivery<AttemptsReady>> {
    await vi.waitFor(() => expect(this.deliveries.length).toBeGreaterThan(index), { timeout: 20_000, interval: 5 });
    return this.deliveries[index] as Delivery<AttemptsReady>;
  }
}

class Bell {
  readonly runs = new Set<string>();
  rings = 0;
  readonly take = (heard: Wake): void => {
    this.rings++;
    for (const run of heard.runs) this.runs.add(run);
  };

  async heard(name: string): Promise<void> {
    await vi.waitFor(() => expect(this.runs).toContain(id(name)), { timeout: 20_000, interval: 5 });
  }
}

/** A run id that a test can name. */
function id(name: string): string {
  return `00000000-0000-7000-8000-${Buffer.from(name.padEnd(6, '_')).toString('hex').slice(0, 12)}`;
}

function wake(name: string): Wake {
  return { v: 1, runs: [id(name)], dags: [] };
}

/** Waits until the queue holds exactly so many ready messages. */
async function settled(broker: Broker, queue: string, ready: number): Promise<void> {
  await vi.waitFor(async () => expect(await broker.depth(queue)).toBe(ready), { timeout: 20_000, interval: 20 });
}
