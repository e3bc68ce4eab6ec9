import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { executionProto } from '@millrace/contracts';
import { buildEntries } from '../testing/build-entries.js';
import { FakeScheduler } from '../testing/fake-scheduler.js';
import { WorkerRig, bundleOf, grantOf } from '../testing/worker-rig.js';

/*
 * What a no-op task costs in worker and runner: a chain of continuations against the fake scheduler, which lives in the
 * same process as the worker; its share is measured by a second run that moves the same messages without a worker.
 * Run: npx esbuild libs/execution/src/supervisor/hot-path.bench.ts --bundle --platform=node --format=esm --conditions=@millrace/source \
 *   --packages=external --outfile=libs/execution/dist/hot-path.bench.mjs && node libs/execution/dist/hot-path.bench.mjs
 */
const TASKS = Number(process.argv[2] ?? 1_000);
const ROUNDS = 3;

interface Figures {
  readonly tasks_per_s: number;
  readonly us_per_hop: number;
  readonly worker_and_fake_scheduler_cpu_us: number;
  readonly runners_cpu_us: number;
  readonly runner_starts: number;
}

const built = await buildEntries(fileURLToPath(new URL('../src', import.meta.url)));
const scheduler = await new FakeScheduler().start();
const rig = await new WorkerRig({ entries: built.entries, schedulers: [scheduler], concurrency: 2, warm: 1, tasksPerRunner: 1_000_000 }).start();
const hash = scheduler.addBundle(bundleOf({ noop: 'async () => {}' }));
const results: Figures[] = [];
for (let round = 0; round <= ROUNDS; round++) {
  const figures = await chain(TASKS);
  if (round > 0) results.push(figures); // The first warms up.
}
await rig.stop();
scheduler.stop();
built.remove();
results.sort((a, b) => a.us_per_hop - b.us_per_hop);
console.log(JSON.stringify({ tasks: TASKS, node: process.version, median: results[Math.floor(results.length / 2)], all: results }, null, 2));

async function chain(length: number): Promise<Figures> {
  const runId = `bench__${randomUUID()}`;
  const grants = Array.from({ length }, (_, i) => grantOf(hash, 'noop', { runId, indexPath: [i] }));
  const next = new Map<string, executionProto.Grant | undefined>(grants.map((grant, i) => [grant.attemptId, grants[i + 1]]));
  scheduler.onComplete = (completion) => {
    const following = next.get(completion.attemptId);
    return following === undefined ? {} : { next: [following] };
  };
  const last = (grants.at(-1) as executionProto.Grant).attemptId;
  const runnersBefore = runnerMicros();
  const before = process.cpuUsage();
  const startsBefore = rig.runnerStarts;
  const began = performance.now();
  rig.publish(grants[0] as executionProto.Grant);
  await scheduler.completions.find((completion) => completion.attemptId === last);
  const ms = performance.now() - began;
  const own = process.cpuUsage(before);
  scheduler.completions.all.length = 0;
  return {
    tasks_per_s: Math.round((length / ms) * 1_000),
    us_per_hop: Math.round((ms * 1_000) / length),
    worker_and_fake_scheduler_cpu_us: Math.round((own.user + own.system) / length),
    runners_cpu_us: Math.round((runnerMicros() - runnersBefore) / length),
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
