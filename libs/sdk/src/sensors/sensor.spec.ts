import { describe, expect, it } from 'vitest';
import type { TaskContext } from '../context/task-context.js';
import { dag } from '../dag/dag.js';
import { Sensor, sensed } from './sensor.js';
import type { PokeAnswer, SensorOptions } from './sensor.js';
import { nextPokeSeconds } from './poke-interval.js';
import { sensor } from './sensor-function.js';
import { task } from '../tasks/task-function.js';

const T0 = Date.parse('2026-11-23T04:00:00Z');

/** A context whose clock moves only when a spec moves it. */
function contextAt(seconds: number, more: { looks?: number; firstSeconds?: number } = {}): TaskContext {
  const logged: unknown[] = [];
  return {
    dagId: 'd', runId: 'r', taskId: 's', indexPath: [], looks: more.looks ?? 0, nowMs: T0 + seconds * 1_000, firstStartDate: new Date(T0 + (more.firstSeconds ?? seconds) * 1_000),
    signal: new AbortController().signal, log: { error: (...args: unknown[]) => logged.push(args), info() {}, warn() {}, debug() {} },
  } as unknown as TaskContext;
}

function made(look: () => PokeAnswer<unknown> | Promise<PokeAnswer<unknown>>, options: SensorOptions = {}): Sensor {
  let built!: Sensor;
  class Looking extends Sensor {
    override poke(): PokeAnswer<unknown> | Promise<PokeAnswer<unknown>> {
      return look();
    }
  }
  dag('d', {}, () => void (built = new Looking('s', options)));
  return built;
}

const thrownBy = async (work: Promise<unknown>): Promise<Record<string, unknown>> => work.then((value) => ({ returned: value }), (error: object) => ({ ...error, message: (error as Error).message }));
const boom = (): never => {
  throw new Error('boom');
};

describe('a look', () => {
  it.each([
    ['true ends it', () => true, undefined],
    ['a value is handed on', () => sensed({ rows: 3 }), { rows: 3 }],
    ['null is a value too', () => sensed(null), null],
  ])('%s', async (_, look, value) => {
    expect(await made(look).execute(contextAt(0))).toEqual(value);
  });

  it.each<[string, SensorOptions, object]>([
    ['reschedule', { mode: 'reschedule', pokeInterval: 30 }, { millrace: 'reschedule', resumeAfterMs: 30_000 }],
    ['deferred', { mode: 'deferred', pokeInterval: 30, wakeKey: 'landed' }, { millrace: 'defer', resumeAfterMs: 30_000, correlationKey: 'landed' }],
  ])('that finds nothing gives its slot back: %s', async (_, options, thrown) => {
    expect(await thrownBy(made(() => false, options).execute(contextAt(0)))).toMatchObject(thrown);
  });

  it('keeps its slot when it pokes, and looks until it is there', async () => {
    let looks = 0;
    await made(() => ++looks === 3, { mode: 'poke', pokeInterval: '1ms' }).execute(contextAt(0));
    expect(looks).toBe(3);
  });
});

describe('the time-out', () => {
  const options: SensorOptions = { mode: 'reschedule', pokeInterval: 60, timeout: 100 };

  it('counts from the first start, and the last pause ends with it', async () => {
    const sensor = made(() => false, options);
    expect(await thrownBy(sensor.execute(contextAt(70, { firstSeconds: 0, looks: 1 })))).toMatchObject({ resumeAfterMs: 30_000 });
    expect(await thrownBy(sensor.execute(contextAt(100, { firstSeconds: 0, looks: 2 })))).toMatchObject({ millrace: 'fail', name: 'SensorTimeout', message: 'not there after 100 s; the time-out is 100 s' });
  });

  it('comes after a last look', async () => {
    expect(await made(() => sensed('late'), options).execute(contextAt(5_000, { firstSeconds: 0 }))).toBe('late');
  });

  it.each<[SensorOptions]>([[{ softFail: true }], [{ neverFail: true }]])('skips with %j', async (soft) => {
    expect(await thrownBy(made(() => false, { ...options, ...soft }).execute(contextAt(100, { firstSeconds: 0 })))).toMatchObject({ millrace: 'skip' });
  });
});

describe('a look that throws', () => {
  it.each<[string, SensorOptions, object]>([
    ['fails the try', {}, { message: 'boom' }],
    ['fails the try with softFail too: that is for time-outs', { softFail: true }, { message: 'boom' }],
    ['skips with neverFail', { neverFail: true }, { millrace: 'skip' }],
    ['means "not yet" with silentFail', { silentFail: true, mode: 'reschedule' }, { millrace: 'reschedule' }],
  ])('%s', async (_, options, thrown) => {
    expect(await thrownBy(made(boom, options).execute(contextAt(0)))).toMatchObject(thrown);
  });
});

describe('the interval', () => {
  const terms = { pokeIntervalSeconds: 10, exponentialBackoff: true, maxWaitSeconds: null };
  it('doubles with a jitter of up to the same, the same for the same look', () => {
    for (let look = 1; look <= 8; look++) {
      const seconds = nextPokeSeconds(terms, look, 'key', Infinity);
      const least = 10 * 2 ** (look - 1);
      expect(seconds).toBeGreaterThanOrEqual(least);
      expect(seconds).toBeLessThan(least * 2);
      expect(nextPokeSeconds(terms, look, 'key', Infinity)).toBe(seconds);
    }
    expect(new Set(['a', 'b', 'c', 'd', 'e', 'f'].map((key) => nextPokeSeconds(terms, 4, key, Infinity))).size).toBeGreaterThan(1);
  });
  it('has a cap, and never goes beyond the time-out', () => {
    expect(nextPokeSeconds({ ...terms, maxWaitSeconds: 25 }, 20, 'key', Infinity)).toBe(25);
    expect(nextPokeSeconds({ ...terms, maxWaitSeconds: 25 }, 20, 'key', 7)).toBe(7);
    expect(Number.isFinite(nextPokeSeconds(terms, 100_000, 'key', 1e9))).toBe(true);
  });
});

it('a sensor may be a function, wired and typed like a task', () => {
  const made = dag('d', {}, () => {
    const where = task('where', () => '/data/today.csv');
    const landed = sensor({ id: 'landed', mode: 'reschedule', timeout: '12h', pokeInterval: '5m' }, (path: string) => (path === '' ? false : sensed({ path })));
    const load = task('load', (found: { path: string }) => found.path.length);
    load(landed(where()));
  });
  expect(made.toDocument().tasks).toMatchObject([
    { taskId: 'where' },
    { taskId: 'landed', operator: '@task.sensor', upstream: ['where'], isSensor: true, sensorTimeoutSeconds: 43_200 },
    { taskId: 'load', upstream: ['landed'] },
  ]);
});

it('what cannot be is said where it stands', () => {
  const build = (options: SensorOptions) => () => made(() => true, options);
  expect(build({ mode: 'sleep' as 'poke' })).toThrow('mode must be one of poke, reschedule, deferred, got "sleep"');
  expect(build({ timeout: 'soon' })).toThrow(/sensor "s": timeout/);
  expect(build({ timeout: 0 })).toThrow('timeout must be longer than 0');
  expect(build({ wakeKey: 'k' })).toThrow("wakeKey needs mode: 'deferred'");
  expect(build({ softFail: true, neverFail: true })).toThrow('softFail and neverFail exclude each other');
});
