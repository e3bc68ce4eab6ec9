import { describe, expect, it } from 'vitest';
import { ManagedService } from './managed-service.js';
import { ServiceGroup } from './service-group.js';
import { tortureStartStop } from './torture.js';

/** Counts what is open; a turn of the event loop passes inside both. */
class Probe extends ManagedService {
  readonly name = 'probe';
  readonly events: string[] = [];
  opened = 0;
  busy = 0;
  failNextOpen = false;
  openGate: Promise<void> = Promise.resolve();

  protected async open(signal: AbortSignal): Promise<void> {
    await this.alone('open', async () => {
      this.opened++;
      await Promise.race([this.openGate, new Promise((resolve) => (signal.aborted ? resolve(null) : signal.addEventListener('abort', resolve, { once: true })))]);
      if (this.failNextOpen) {
        this.failNextOpen = false;
        throw new Error('no database');
      }
    });
  }

  protected async close(): Promise<void> {
    await this.alone('close', async () => {
      this.opened = 0;
    });
  }

  private async alone(event: string, work: () => Promise<void>): Promise<void> {
    expect(++this.busy, 'open and close never overlap').toBe(1);
    this.events.push(event);
    await new Promise((resolve) => setImmediate(resolve));
    try {
      await work();
    } finally {
      this.busy--;
    }
  }
}

describe('ManagedService', () => {
  it('opens once however often it is started, and closes once', async () => {
    const probe = new Probe();
    await Promise.all([probe.start(), probe.start()]);
    await probe.start();
    await Promise.all([probe.stop(), probe.stop()]);
    await probe.stop();
    expect(probe.events).toEqual(['open', 'close']);
  });

  it('does nothing when stopped before it was started', async () => {
    const probe = new Probe();
    await probe.stop();
    expect(probe.events).toEqual([]);
  });

  it('aborts a start that would take for ever', async () => {
    const probe = new Probe();
    probe.openGate = new Promise(() => undefined);
    const start = probe.start();
    await probe.stop();
    await start;
    expect(probe.opened).toBe(0);
  });

  it('aborts a start that was asked for while it stopped, when it is stopped again', async () => {
    const probe = new Probe();
    await probe.start();
    probe.openGate = new Promise(() => undefined);
    await Promise.all([probe.stop(), probe.start(), probe.stop()]);
    expect(probe.opened).toBe(0);
  });

  it('closes what a failed start opened, tells the error, and can start again', async () => {
    const probe = new Probe();
    probe.failNextOpen = true;
    await expect(probe.start()).rejects.toThrow('no database');
    expect(probe.events).toEqual(['open', 'close']);
    await probe.start();
    expect(probe.opened).toBe(1);
    await probe.stop();
  });

  it('starts again after a stop that was asked for in between', async () => {
    const probe = new Probe();
    await Promise.all([probe.start(), probe.stop(), probe.start()]);
    expect(probe.opened).toBe(1);
    await probe.stop();
  });

  it.each([1, 2, 3, 4, 5])('survives 500 overlapping starts and stops (seed %i)', async (seed) => {
    const probe = new Probe();
    await tortureStartStop(probe, { seed, check: () => expect(probe.opened).toBe(0) });
    await probe.start();
    expect(probe.opened).toBe(1);
    await probe.stop();
  });
});

describe('ServiceGroup', () => {
  function part(name: string, log: string[], fails: { start?: boolean; stop?: boolean } = {}) {
    const act = (what: 'start' | 'stop') => async () => {
      log.push(`${what} ${name}`);
      if (fails[what]) throw new Error(`${name} can't ${what}`);
    };
    return { name, start: act('start'), stop: act('stop') };
  }

  it('starts in order and stops in reverse', async () => {
    const log: string[] = [];
    const group = new ServiceGroup('group', [part('a', log), part('b', log)]);
    await group.start();
    await group.stop();
    expect(log).toEqual(['start a', 'start b', 'stop b', 'stop a']);
  });

  it('stops what had started when one fails to start', async () => {
    const log: string[] = [];
    await expect(new ServiceGroup('group', [part('a', log), part('b', log, { start: true })]).start()).rejects.toThrow("b can't start");
    expect(log).toEqual(['start a', 'start b', 'stop b', 'stop a']);
  });

  it('stops all, also when some fail to', async () => {
    const log: string[] = [];
    const group = new ServiceGroup('group', [part('a', log, { stop: true }), part('b', log), part('c', log, { stop: true })]);
    await group.start();
    await expect(group.stop()).rejects.toThrow('group: 2 parts did not stop cleanly');
    expect(log.slice(3)).toEqual(['stop c', 'stop b', 'stop a']);
  });
});
