import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { tortureStartStop } from '@millrace/lifecycle';
import type { LiveUpdate, LiveUpdates } from './live-updates.js';

/** How the suite gets live updates of one kind; all of one test hear each other. */
export interface LiveUpdatesFixture {
  create(): LiveUpdates;
  dispose(): Promise<void>;
}

/** What every adapter must do. */
export function describeLiveUpdates(name: string, fixtureOf: () => Promise<LiveUpdatesFixture>): void {
  describe(`${name} keeps what live updates promise`, () => {
    let fixture: LiveUpdatesFixture;
    let services: LiveUpdates[];
    beforeEach(async () => {
      fixture = await fixtureOf();
      services = [];
    });
    afterEach(async () => {
      await Promise.all(services.map((service) => service.stop()));
      await fixture.dispose();
    });
    async function started(): Promise<LiveUpdates> {
      const service = fixture.create();
      services.push(service);
      await service.start();
      return service;
    }

    it('drops what is published before start, without a throw', () => {
      const service = fixture.create();
      services.push(service);
      service.publish([update('lost')]);
      service.present('worker', 'w', {}, 1_000);
    });

    it('tells every subscriber, also those of others, until they leave', async () => {
      const [here, there] = [await started(), await started()];
      const [a, b] = [new Ear(), new Ear()];
      const leave = here.subscribe(a.take);
      there.subscribe(b.take);
      await said(here, [a, b], 'r1');
      leave();
      await said(here, [b], 'r2');
      expect(a.runs.has('r2')).toBe(false);
      leave();
    });

    it('carries every field unchanged', async () => {
      const service = await started();
      const ear = new Ear();
      service.subscribe(ear.take);
      await said(service, [ear], 'ready');
      const full: LiveUpdate = { kind: 'instance', dagId: 'd', runId: 'full', taskId: 't', mapIndex: 3, state: null, atMs: 1_700_000_000_123 };
      service.publish([full]);
      await vi.waitFor(() => expect(ear.updates.filter(({ runId }) => runId === 'full')).toEqual([full]), { timeout: 10_000 });
    });

    it('says only the last state of a thing that changed several times at once', async () => {
      const service = await started();
      const ear = new Ear();
      service.subscribe(ear.take);
      await said(service, [ear], 'ready');
      service.publish(['queued', 'running', 'success'].map((state) => ({ ...update('many'), state })));
      service.publish([update('end')]);
      await vi.waitFor(() => expect(ear.runs.has('end')).toBe(true), { timeout: 10_000 });
      expect(ear.updates.filter(({ runId }) => runId === 'many').map(({ state }) => state)).toEqual(['success']);
    });

    it('goes on when a subscriber throws', async () => {
      const service = await started();
      const ear = new Ear();
      service.subscribe(() => {
        throw new Error('a bug');
      });
      service.subscribe(ear.take);
      await said(service, [ear], 'r1');
    });

    it('knows who is present, by kind, until the time is over', async () => {
      const [here, there] = [await started(), await started()];
      await vi.waitFor(async () => {
        here.present('worker', 'w1', { host: 'a', slots: 8 }, 60_000);
        here.present('worker', 'short', {}, 50);
        there.present('scheduler', 's1', { port: 1 }, 60_000);
        expect(await there.whoIsPresent('scheduler')).toEqual([{ id: 's1', facts: { port: 1 } }]);
        expect(await there.whoIsPresent('worker')).toContainEqual({ id: 'w1', facts: { host: 'a', slots: 8 } });
      }, { timeout: 10_000 });
      await vi.waitFor(async () => expect(await there.whoIsPresent('worker')).toEqual([{ id: 'w1', facts: { host: 'a', slots: 8 } }]), { timeout: 10_000 });
    });

    it('hears again after stop and start', async () => {
      const service = await started();
      const ear = new Ear();
      service.subscribe(ear.take);
      await said(service, [ear], 'r1');
      await service.stop();
      service.publish([update('lost')]);
      expect(await service.whoIsPresent('worker')).toEqual([]);
      await service.start();
      await said(service, [ear], 'r2');
      expect(ear.runs.has('lost')).toBe(false);
    });

    it('survives overlapping starts and stops', async () => {
      const service = await started();
      const ear = new Ear();
      service.subscribe(ear.take);
      await tortureStartStop(service, { rounds: 200 });
      await service.start();
      await said(service, [ear], 'r1');
    });
  });
}

export class Ear {
  readonly updates: LiveUpdate[] = [];
  readonly take = (heard: LiveUpdate): void => void this.updates.push(heard);
  get runs(): ReadonlySet<string | undefined> {
    return new Set(this.updates.map(({ runId }) => runId));
  }
}

export function update(runId: string): LiveUpdate {
  return { kind: 'run', dagId: 'd', runId, state: 'running', atMs: 1 };
}

/** Publishes until all have heard: connections may still be opening, and what is said before is lost, as promised. */
export async function said(service: LiveUpdates, ears: readonly Ear[], runId: string): Promise<void> {
  await vi.waitFor(
    () => {
      if (!ears.every((ear) => ear.runs.has(runId))) service.publish([update(runId)]);
      expect(ears.every((ear) => ear.runs.has(runId))).toBe(true);
    },
    { timeout: 20_000, interval: 30 },
  );
}
