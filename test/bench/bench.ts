/**
 * The benchmarks of Millrace in its distributed setting, with the floor of the machine measured in the same run.
 * --json            only JSON on stdout
 * --only a,b        of chain3, hop, fan100, batch200, wide; wide100k (100,000 tasks in one run) only when it is named
 * --rounds N        interleaved rounds of floor and Millrace; medians (default 1)
 * --queue T         quorum (default) or classic
 * --no-continuation every hop through the broker
 * --schedulers N --workers N --concurrency N   default 1, 1, 8
 * --no-floor        leaves the floor out
 * --profile FOLDER  a CPU profile of every service, written when it stops
 */
import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import amqp from 'amqplib';
import pg from 'pg';
import { ownServices } from '../harness/own-services.js';
import { REPOSITORY_ROOT } from '../harness/repository-root.js';
import { measureFloor, type Floor } from './floor/floor.js';
import type { PathFigures } from './floor/paths.js';
import { processListeningOn } from './measure/cpu.js';
import { median } from './measure/statistics.js';
import { measureMillrace, type Figures } from './millrace.js';

const NAMES = ['chain3', 'hop', 'fan100', 'batch200', 'wide'];
const LARGE = ['wide100k'];
const SIZES = { chain3Runs: 200, hopRuns: 5, fanRuns: 10, batchRuns: 200, wideTasks: 10_000 };

const { values: flags } = parseArgs({
  options: {
    json: { type: 'boolean', default: false }, only: { type: 'string', default: NAMES.join(',') }, rounds: { type: 'string', default: '1' },
    queue: { type: 'string', default: 'quorum' }, 'no-continuation': { type: 'boolean', default: false }, 'no-floor': { type: 'boolean', default: false },
    schedulers: { type: 'string', default: '1' }, workers: { type: 'string', default: '1' }, concurrency: { type: 'string', default: '8' }, 'no-build': { type: 'boolean', default: false }, profile: { type: 'string' },
  },
});
const only = new Set(flags.only.split(','));
for (const name of only) if (![...NAMES, ...LARGE].includes(name)) throw new Error(`--only ${name}: there are ${[...NAMES, ...LARGE].join(', ')}`);
if (flags.queue !== 'quorum' && flags.queue !== 'classic') throw new Error(`--queue ${flags.queue}: quorum or classic`);
const queueType = flags.queue;
const continuation = !flags['no-continuation'];
const progress = (text: string): void => { process.stderr.write(`${text}\n`); };
const brokerPid = processListeningOn(Number(new URL(process.env['MILLRACE_TEST_AMQP_URL'] ?? 'amqp://127.0.0.1:5672').port || 5672));

const rounds: Figures[] = [];
let primitives: Floor['primitives'] | null = null;
let versions: Record<string, string> = {};
for (let round = 1; round <= Number(flags.rounds); round++) {
  const figures: Figures = {};
  const own = await ownServices();
  try {
    versions = await versionsOf(own.databaseUrl, own.brokerUrl);
    if (!flags['no-floor']) {
      progress(`round ${round}: floor …`);
      const floor = await measureFloor({ ...own, brokerPid, queueType, slots: 8 }, { ...SIZES, chain3Runs: 100 });
      primitives = floor.primitives;
      Object.assign(figures, floorFigures(floor));
    }
  } finally {
    await own.drop();
  }
  progress(`round ${round}: millrace …`);
  Object.assign(figures, await measureMillrace({
    schedulers: Number(flags.schedulers), workers: Number(flags.workers), concurrency: Number(flags.concurrency), queueType, continuation, brokerPid, only, sizes: SIZES, progress, profileFolder: flags.profile ?? null,
  }));
  rounds.push(figures);
}

const keys = [...new Set(rounds.flatMap((round) => Object.keys(round)))];
const figures = Object.fromEntries(keys.map((key) => [key, rounded(median(rounds.map((round) => round[key] ?? Number.NaN)))]));
const settings = {
  rounds: rounds.length, schedulers: Number(flags.schedulers), workers: Number(flags.workers), concurrency: Number(flags.concurrency), queue_type: queueType, continuation,
  processes: 'one per service; task code in warm runner processes of the worker', synchronous_commit: versions['synchronous_commit'], messages: 'persistent, confirmed, noDelay',
  run_end: 'told by the database in the commit (notify)', warm_up: 'chain3 200 runs, batch200 5 batches (median of the next 5), fan100 5, hop 1, wide 3 smaller runs', floor_of: continuation ? 'continuation; wide: one id a message' : 'broker',
};
const machine = { cpus: cpus().length, model: cpus()[0]?.model ?? '', node: process.version, ...versions };
if (flags.json) console.log(JSON.stringify({ figures, primitives, settings, machine }, null, 1));
else print();

function floorFigures(floor: Floor): Figures {
  const path = continuation ? floor.continuation : floor.broker;
  const split = (wide: PathFigures['wide'], suffix: string): Figures => ({
    [`wide.tasks_per_s.${suffix}`]: wide.tasks_per_s,
    [`wide.cpu_us_per_task.${suffix}`]: Object.values(wide.cpu_us_per_task).reduce((sum, us) => sum + us, 0),
    ...Object.fromEntries(Object.entries(wide.cpu_us_per_task).map(([part, us]) => [`wide.cpu_us_per_task.${part}.${suffix}`, us])),
  });
  return {
    'chain3.p50_ms.floor': path.chain3.p50_ms, 'chain3.p95_ms.floor': path.chain3.p95_ms,
    'hop.p50_ms.floor': path.hop.p50_ms, 'hop.p95_ms.floor': path.hop.p95_ms, 'hop.p50_ms.floor_broker': floor.broker.hop.p50_ms,
    'fan100.p50_ms.floor': path.fan100.p50_ms,
    'batch200.runs_per_s.floor': path.batch200.runs_per_s, 'batch200.tasks_per_s.floor': path.batch200.tasks_per_s,
    ...split(floor.broker.wide, 'floor'), ...split(floor.batched.wide, 'floor_batched'),
  };
}

function print(): void {
  const shown = keys.filter((key) => !/\.floor(_\w+)?$/.test(key));
  const rows = [['figure', 'millrace', 'floor', 'ratio'], ...shown.map((key) => {
    const value = figures[key] ?? Number.NaN;
    const floor = figures[`${key}.floor`];
    const ratio = floor === undefined || floor === 0 ? '' : (key.endsWith('per_s') ? floor / value : value / floor).toFixed(1);
    return [key, String(value), floor === undefined ? '' : String(floor), ratio];
  })];
  const widths = [0, 1, 2, 3].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  for (const row of rows) console.log(row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join('  '));
  if (primitives !== null) console.log(`\none step: ${Object.entries(primitives).map(([name, value]) => `${name} ${rounded(value)}`).join(', ')}`);
  const others = Object.entries(figures).filter(([key]) => /\.floor_\w+$/.test(key));
  if (others.length > 0) console.log(`other floors: ${others.map(([key, value]) => `${key} ${value}`).join(', ')}`);
  console.log(`settings: ${Object.entries(settings).map(([name, value]) => `${name}: ${String(value)}`).join('; ')}`);
  console.log(`machine: ${Object.entries(machine).map(([name, value]) => `${name}: ${String(value)}`).join('; ')}`);
  console.log('ratio: how many times the floor (times and CPU), or how many times below it (rates); the PostgreSQL share counts its backends, the RabbitMQ share the whole broker');
}

function rounded(value: number): number {
  return Math.abs(value) >= 100 ? Math.round(value) : Math.round(value * 100) / 100;
}

async function versionsOf(databaseUrl: string, brokerUrl: string): Promise<Record<string, string>> {
  const database = new pg.Client({ connectionString: databaseUrl });
  await database.connect();
  const { rows } = await database.query<{ version: string; sync: string }>(`select current_setting('server_version') as version, current_setting('synchronous_commit') as sync`);
  await database.end();
  const broker = await amqp.connect(brokerUrl, { noDelay: true });
  const { version } = broker.connection.serverProperties as { version?: unknown };
  await broker.close();
  const { version: millrace } = JSON.parse(readFileSync(join(REPOSITORY_ROOT, 'package.json'), 'utf8')) as { version: string };
  return { millrace, postgresql: rows[0]?.version ?? '?', synchronous_commit: rows[0]?.sync ?? '?', rabbitmq: String(version) };
}
