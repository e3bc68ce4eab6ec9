import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import pg from 'pg';
import { eventually } from '../harness/eventually.js';
import { Dice, seedOfThisRun } from './dice.js';
import { FaultBench } from './fault-bench.js';
import { OwnRabbitMq } from './own-rabbitmq.js';

/** Named points of the scheduler at which a power cut is worst; `Signal`s of scheduling. */
const FAIL_POINTS = { scheduler: ['after-claim-before-answer', 'after-decide-before-commit', 'after-commit-before-publish'] } as const;

/**
 * The first faults of the matrix under load, each followed by the checker. In one file, so that they run one after the other.
 * `MILLRACE_FAULT_SEED=<n>` repeats a run's dice.
 */
const seed = seedOfThisRun();
const RUNS = 24;

describe(`faults, seed ${seed}`, { timeout: 180_000 }, () => {
  let broker: OwnRabbitMq;
  let bench: FaultBench;

  beforeAll(async () => {
    process.stdout.write(`faults: seed ${seed}\n`);
    broker = await OwnRabbitMq.start();
    bench = await FaultBench.start(broker, new Dice(seed));
  }, 180_000);
  afterAll(async () => {
    const complaints = bench === undefined ? [] : await bench.constellation.stop();
    await broker?.remove();
    expect(complaints).toEqual([]);
  }, 120_000);

  it('holds every promise without a fault', async () => {
    expect(await bench.under(RUNS, async () => undefined)).toEqual([]);
  });

  it('S1: a scheduler killed at any point', async () => {
    expect(await bench.under(RUNS, async () => {
      for (let i = 0; i < 4; i++) {
        const name = bench.dice.pick(['scheduler-1', 'scheduler-2']);
        await bench.moment(50, 700);
        await bench.constellation.kill(name);
        await bench.moment(50, 700);
        await bench.constellation.restart(name);
      }
    })).toEqual([]);
  });

  it('S1: a scheduler killed at a named point', async () => {
    expect(await bench.under(RUNS, async () => {
      for (const point of FAIL_POINTS.scheduler) {
        const name = bench.dice.pick(['scheduler-1', 'scheduler-2']);
        await bench.constellation.kill(name);
        await bench.constellation.restart(name, { MILLRACE_FAIL_POINT: `${point}:${bench.dice.between(1, 5)}`, MILLRACE_FAIL_POINTS_ALLOWED: '1' });
        await eventually(`${name} to die at ${point}`, () => !bench.constellation.service(name).running, 20_000);
        await bench.constellation.restart(name);
      }
    })).toEqual([]);
  });

  it('S2: a scheduler frozen; the others go on, nothing is applied twice when it wakes', async () => {
    expect(await bench.under(RUNS, async () => {
      await bench.moment(200, 600);
      bench.constellation.freeze('scheduler-1');
      await bench.othersGoOn();
      await bench.moment(6_000, 8_000);
      bench.constellation.thaw('scheduler-1');
    })).toEqual([]);
  });

  it('W1: workers killed while they run tasks', async () => {
    expect(await bench.under(RUNS, async () => {
      for (const name of ['worker-1', 'worker-2', 'worker-3']) {
        await bench.busy(name);
        await bench.moment(0, 20);
        await bench.constellation.kill(name);
        await bench.moment(0, 300);
        await bench.constellation.restart(name);
      }
    })).toEqual([]);
  });

  it('W2: a worker frozen for less than a lease loses nothing', async () => {
    const lostBefore = await lost();
    expect(await bench.under(RUNS, async () => {
      await bench.busy('worker-1');
      bench.constellation.freeze('worker-1');
      await bench.moment(600, 1_000);
      bench.constellation.thaw('worker-1');
    })).toEqual([]);
    expect(await lost()).toBe(lostBefore);
  });

  it('W2: a worker frozen for more than a lease: lost is recorded first, and nothing late counts', async () => {
    expect(await bench.under(RUNS, async () => {
      const session = await bench.sessionOf('worker-3');
      await bench.busy('worker-3');
      bench.constellation.freeze('worker-3');
      await eventually('its session to be lost', async () => (await bench.constellation.database.query(`select 1 from worker_session where id = $1 and state = 'lost'`, [session])).rows.length > 0);
      await bench.moment(500, 2_000);
      bench.constellation.thaw('worker-3');
    })).toEqual([]);
  });

  it('B1: the broker restarted, orderly and by kill -9', async () => {
    expect(await bench.under(RUNS, async () => {
      await bench.moment(200, 600);
      await broker.down();
      await bench.moment(500, 2_000);
      await broker.up();
      await bench.moment(500, 1_000);
      await broker.kill();
      await broker.up();
    })).toEqual([]);
  });

  it('B2: the broker frozen: what runs is recorded, what is queued waits', async () => {
    expect(await bench.under(RUNS, async () => {
      await bench.moment(200, 600);
      broker.freeze();
      await bench.moment(2_000, 6_000);
      broker.thaw();
    })).toEqual([]);
  });

  it('B4: task queues purged and deleted', async () => {
    expect(await bench.under(RUNS, async () => {
      for (let i = 0; i < 5; i++) {
        await bench.moment(50, 500);
        await bench.withBroker(async (channel) => {
          for (const queue of bench.taskQueues) await (i % 2 === 0 ? channel.purgeQueue(queue).catch(() => undefined) : channel.deleteQueue(queue));
        });
      }
    })).toEqual([]);
  });

  it('P1: database backends killed, also during commit', async () => {
    expect(await bench.under(RUNS, async () => {
      const killer = new pg.Client({ connectionString: Object.assign(new URL(bench.constellation.databaseUrl), { pathname: '/postgres' }).href });
      await killer.connect();
      const own = (await bench.constellation.database.query<{ pid: number; name: string }>('select pg_backend_pid() as pid, current_database() as name')).rows[0];
      for (let i = 0; i < 30; i++) {
        await bench.moment(20, 400);
        // Only this test's own services: its database has a name of its own, and the test's own connection stays.
        await killer.query('select pg_terminate_backend(pid) from pg_stat_activity where datname = $1 and pid <> $2', [own?.name, own?.pid]);
      }
      await killer.end();
    })).toEqual([]);
  });

  afterEach(async ({ task }) => {
    process.stdout.write(`${task.name}: ${JSON.stringify(await bench.tally())}\n`);
  });

  async function lost(): Promise<number> {
    return (await bench.constellation.database.query(`select count(*)::int as count from worker_session where state = 'lost'`)).rows[0].count as number;
  }
});
