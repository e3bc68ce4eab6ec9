import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { executionProto } from '@millrace/contracts';
import { buildEntries } from '../testing/build-entries.js';
import { FakeScheduler } from '../testing/fake-scheduler.js';
import { WorkerRig, bundleOf, grantOf } from '../testing/worker-rig.js';

/*
 * What a no-op task costs in worker and runner, against the fake scheduler, which lives in the worker's process: its half of
 * the stream costs about 25 µs a task. Give TMPDIR a tmpfs: making a folder and a file per task costs ext4 0.1 to 0.7 ms,
 * the more the more files were deleted in the last minutes.
 * Run: npx esbuild libs/execution/src/supervisor/hot-path.bench.ts --bundle --platform=node --format=esm --conditions=@millrace/source \
 *   --packages=external --outfile=libs/execution/dist/hot-path.bench.mjs && node libs/execution/dist/hot-path.bench.mjs
 */
const TASKS = Number(process.argv[2] ?? 1_000);
const CONCURRENCY = 8;
const ROUNDS = 3;

interface Figures {
  readonly tasks_per_s: number;
  readonly us_per_task: number;
  readonly worker_and_fake_scheduler_cpu_us: number;
  readonly runners_cpu_us: number;
  readonly runner_starts: number;
}

const built = await buildEntries(fileURLToPath(new URL('../src', import.meta.url)));
const scheduler = await new FakeScheduler().start();
const rig = await new WorkerRig({ entries: built.entries, schedulers: [scheduler], concurrency: CONCURRENCY, warm: CONCURRENCY, tasksPerRunner: 1_000_000 }).start();
const hash = scheduler.addBundle(bundleOf({ noop: 'async () => {}' }));
const report: Record<string, Figures> = {};
for (const [name, shape] of [['chain', chain], ['wide', wide]] as const) {
  const rounds: Figures[] = [];
  for (let round = 0; round <= ROUNDS; round++) {
    const figures = await shape(TASKS);
    if (round > 0) rounds.push(figures); // The first warms up.
  }
  report[name] = rounds.sort((x, y) => x.us_per_task - y.us_per_task)[Math.floor(ROUNDS / 2)] as Figures;
}
await rig.stop();
scheduler.stop();
built.remove();
console.log(JSON.stringify({ tasks: TASKS, concurrency: CONCURRENCY, node: process.version, ...report }, null, 2));

/** One after the other, each handed over with the answer to the one before. */
function chain(length: number): Promise<Figures> {
  const grants = grantsOf(length);
  const next = new Map<string, executionProto.Grant | undefined>(grants.map((grant, i) => [grant.attemptId, grants[i + 1]]));
  scheduler.onComplete = (completion) => {
    const following = next.get(completion.attemptId);
    return following === undefined ? {} : { next: [following] };
  };
  return measured(length, () => rig.publish(grants[0] as executionProto.Grant));
}

/** All at once, in messages of as many ids as there are slots. */
function wide(length: number): Promise<Figures> {
  const grants = grantsOf(length);
  scheduler.onComplete = () => ({});
  return measured(length, () => {
    for (let i = 0; i < length; i += CONCURRENCY) rig.publish(...grants.slice(i, i + CONCURRENCY));
  });
}

function grantsOf(count: number): executionProto.Grant[] {
  const runId = `bench__${randomUUID()}`;
  return Array.from({ length: count }, (_, i) => grantOf(hash, 'noop', { runId, indexPath: [i] }));
}

async function measured(count: number, begin: () => void): Promise<Figures> {
  const [runnersBefore, before, startsBefore, began] = [runnerMicros(), process.cpuUsage(), rig.runnerStarts, performance.now()];
  begin();
  await scheduler.completions.count(count);
  const ms = performance.now() - began;
  const own = process.cpuUsage(before);
  scheduler.completions.all.length = 0;
  scheduler.claims.all.length = 0;
  return {
    tasks_per_s: Math.round((count / ms) * 1_000),
    us_per_task: Math.round((ms * 1_000) / count),
    worker_and_fake_scheduler_cpu_us: Math.round((own.user + own.system) / count),
    runners_cpu_us: Math.round((runnerMicros() - runnersBefore) / count),
    runner_starts: rig.runnerStarts - startsBefore,
  };
}

/** CPU time of all children so far, from /proc; ticks are 10 ms. */
function runnerMicros(): number {
  let ticks = 0;
  for (const pid of rig.pool.pids()) {
    const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.split(' ') ?? [];
    ticks += Number(fields[11]) + Number(fields[12]);
  }
  return ticks * 10_000;
}
