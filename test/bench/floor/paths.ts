import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import amqp from 'amqplib';
import pg from 'pg';
import { percentile } from '../measure/statistics.js';
import { cpuSeconds, treeCpuSeconds } from '../measure/cpu.js';
import { databaseCpuSeconds } from '../measure/database-cpu.js';
import { RUN_STRIDE, type RunOrder } from './wire.js';

export interface FloorSettings {
  readonly databaseUrl: string;
  readonly brokerUrl: string;
  readonly brokerPid: number | null;
  readonly queueType: 'quorum' | 'classic';
  readonly slots: number;
}

export interface PathVariant {
  readonly continuation: boolean;
  readonly idsPerMessage: number;
}

export interface PathFigures {
  readonly hop: { readonly p50_ms: number; readonly p95_ms: number };
  readonly chain3: { readonly p50_ms: number; readonly p95_ms: number };
  readonly fan100: { readonly p50_ms: number };
  readonly batch200: { readonly runs_per_s: number; readonly tasks_per_s: number };
  readonly wide: { readonly tasks_per_s: number; readonly cpu_us_per_task: Readonly<Record<string, number>> };
}

export interface FloorSizes {
  readonly chain3Runs: number;
  readonly hopRuns: number;
  readonly fanRuns: number;
  readonly batchRuns: number;
  readonly wideTasks: number;
}

/** Runs the bare path once in processes of its own and measures it as the benchmarks measure Millrace. */
export async function measurePath(settings: FloorSettings, variant: PathVariant, sizes: FloorSizes): Promise<PathFigures> {
  const database = new pg.Client({ connectionString: settings.databaseUrl });
  await database.connect();
  await database.query(`drop table if exists floor_run, floor_task;
    create table floor_run (id bigint primary key, state smallint not null default 0, version bigint not null default 0) with (fillfactor = 60);
    create table floor_task (id bigint primary key, state smallint not null) with (fillfactor = 50)`);
  const broker = await amqp.connect(settings.brokerUrl, { noDelay: true });
  const channel = await broker.createChannel();
  await channel.deleteQueue('floor.tasks');
  await channel.assertQueue('floor.tasks', { durable: true, arguments: { 'x-queue-type': settings.queueType } });
  await channel.assertQueue('floor.wake', { durable: true, arguments: { 'x-queue-type': 'classic' } });
  const folder = mkdtempSync(join(tmpdir(), 'millrace-floor-'));
  const timesFile = join(folder, 'times');
  const scheduler = await startPart('scheduler', [settings.databaseUrl, settings.brokerUrl, String(variant.continuation), String(variant.idsPerMessage)]);
  const worker = await startPart('worker', [settings.brokerUrl, `127.0.0.1:${scheduler.hello.port}`, timesFile, String(settings.slots), String(variant.idsPerMessage)]);
  let lastRun = 0;

  const trigger = async (shape: RunOrder['shape'], size: number, count = 1): Promise<number> => {
    const first = lastRun + 1;
    lastRun += count;
    const ids = Array.from({ length: count }, (_, i) => first + i);
    await database.query({ name: 'trigger', text: 'insert into floor_run (id) select unnest($1::bigint[])', values: [ids] });
    for (const run of ids) channel.sendToQueue('floor.wake', Buffer.from(JSON.stringify({ run, shape, size } satisfies RunOrder)));
    return first;
  };
  const finished = async (first: number): Promise<void> => {
    for (;;) {
      const { rows } = await database.query<{ left: string }>({ name: 'left', text: 'select count(*) as left from floor_run where id >= $1 and state <> 2', values: [first] });
      if (Number(rows[0]?.left) === 0) return;
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  };
  const timed = async (shape: RunOrder['shape'], size: number, count = 1): Promise<number> => {
    const began = performance.now();
    await finished(await trigger(shape, size, count));
    return performance.now() - began;
  };
  const repeated = async (times: number, shape: RunOrder['shape'], size: number): Promise<number[]> => {
    const figures: number[] = [];
    for (let i = 0; i < times; i++) figures.push(await timed(shape, size));
    return figures;
  };

  try {
    await repeated(10, 'chain', 3); // plans, code and connections are warm
    const chain3 = await repeated(sizes.chain3Runs, 'chain', 3);
    const firstChain = lastRun + 1;
    await repeated(sizes.hopRuns, 'chain', 50);
    const hops = gaps(timesFile, firstChain, lastRun);
    const fan = await repeated(sizes.fanRuns, 'fan', 100);
    const batch = await timed('chain', 3, sizes.batchRuns);
    const cpu = async (): Promise<Record<string, number>> => {
      const own = cpuSeconds(Number(worker.process.pid));
      return {
        scheduler: cpuSeconds(Number(scheduler.process.pid)), worker: own, runners: treeCpuSeconds(Number(worker.process.pid)) - own,
        postgresql: await databaseCpuSeconds(database), rabbitmq: settings.brokerPid === null ? Number.NaN : cpuSeconds(settings.brokerPid),
      };
    };
    const before = await cpu();
    const wideMs = await timed('wide', sizes.wideTasks);
    const after = await cpu();
    const perTask = Object.fromEntries(Object.entries(after).map(([part, used]) => [part, ((used - (before[part] ?? 0)) * 1e6) / sizes.wideTasks]));
    return {
      hop: { p50_ms: percentile(hops, 0.5), p95_ms: percentile(hops, 0.95) },
      chain3: { p50_ms: percentile(chain3, 0.5), p95_ms: percentile(chain3, 0.95) },
      fan100: { p50_ms: percentile(fan, 0.5) },
      batch200: { runs_per_s: (sizes.batchRuns / batch) * 1e3, tasks_per_s: (sizes.batchRuns * 3e3) / batch },
      wide: { tasks_per_s: (sizes.wideTasks / wideMs) * 1e3, cpu_us_per_task: perTask },
    };
  } finally {
    await Promise.all([stopPart(worker.process), stopPart(scheduler.process)]);
    await channel.deleteQueue('floor.tasks');
    await channel.deleteQueue('floor.wake');
    await broker.close();
    await database.query('drop table floor_run, floor_task');
    await database.end();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Between the end of each task and the start of the next of the same chain, ms. */
function gaps(timesFile: string, firstRun: number, lastRun: number): number[] {
  const times = new Map<number, [bigint, bigint]>();
  for (const line of readFileSync(timesFile, 'utf8').trim().split('\n')) {
    const [id = '', start = '', end = ''] = line.split(' ');
    times.set(Number(id), [BigInt(start), BigInt(end)]);
  }
  const found: number[] = [];
  for (let run = firstRun; run <= lastRun; run++) {
    for (let position = 1; position < 50; position++) {
      const before = times.get(run * RUN_STRIDE + position - 1);
      const after = times.get(run * RUN_STRIDE + position);
      if (before === undefined || after === undefined) throw new Error(`floor: run ${run} has no times of task ${position}`);
      found.push(Number(after[0] - before[1]) / 1e6);
    }
  }
  return found;
}

async function startPart(name: 'scheduler' | 'worker', args: readonly string[]): Promise<{ process: ChildProcess; hello: { port?: number } }> {
  const part = fork(fileURLToPath(new URL(`./${name}.js`, import.meta.url)), args);
  const ended = once(part, 'exit').then(([code]) => Promise.reject(new Error(`floor ${name} ended with ${code} before it was ready`)));
  const [hello] = (await Promise.race([once(part, 'message'), ended])) as [{ port?: number }];
  ended.catch(() => undefined);
  return { process: part, hello };
}

async function stopPart(part: ChildProcess): Promise<void> {
  if (part.exitCode !== null || part.signalCode !== null) return;
  const exited = once(part, 'exit');
  part.kill('SIGTERM');
  await exited;
}
