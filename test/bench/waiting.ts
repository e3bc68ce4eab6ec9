/**
 * What waiting costs: many deferred instances, each in a run of its own, with a timer a day ahead.
 * --instances N  how many wait (default 100,000)
 * --due N        how many of them become due in the same moment (default 10,000)
 * --idle S       seconds of idling that are measured (default 20)
 * --json         only JSON on stdout
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { setTimeout as sleep } from 'node:timers/promises';
import { Constellation } from '../harness/constellation.js';
import { eventually } from '../harness/eventually.js';
import { REPOSITORY_ROOT } from '../harness/repository-root.js';
import { cpuSeconds, peakMemoryMb } from './measure/cpu.js';
import { databaseCpuSeconds } from './measure/database-cpu.js';

const { values: flags } = parseArgs({
  allowPositionals: true,
  options: { instances: { type: 'string', default: '100000' }, due: { type: 'string', default: '10000' }, idle: { type: 'string', default: '20' }, json: { type: 'boolean', default: false }, 'no-build': { type: 'boolean', default: false } },
});
const [instances, due, idleSeconds] = [Number(flags.instances), Number(flags.due), Number(flags.idle)];
const progress = (text: string): void => void process.stderr.write(`${text}\n`);

const constellation = await Constellation.start({
  label: 'bench-waiting', schedulers: 1, workers: [], dags: [join(REPOSITORY_ROOT, 'test/bench/dags/waiting.ts')],
});
const { database } = constellation;
const figures: Record<string, number> = {};
try {
  await eventually('the dag to be published', async () => (await database.query('select 1 from dag where current_version_id is not null')).rows.length === 1, 60_000);
  progress(`${instances} waiting instances …`);
  await database.query(
    `with made as (
       insert into dag_run (id, dag_id, run_id, dag_version_id, state, version, run_type, triggered_by, run_after, start_date, last_scheduling_decision)
       select gen_random_uuid(), 'waiting', 'w' || n, (select current_version_id from dag), 'running', 2, 'manual', 'test', now(), now(), now() from generate_series(1, $1) n returning id, run_id
     ), instances as (
       insert into task_instance (id, dag_run_id, dag_id, run_id, task_id, state, try_number, attempt_id, attempt_seq, start_date, queued_at, scheduled_at, operator, correlation_key)
       select gen_random_uuid(), id, 'waiting', run_id, 'wait', 'deferred', 1, gen_random_uuid(), 1, now(), now(), now(), '@task', 'bench-' || run_id from made returning id, dag_run_id
     ), timers as (
       insert into timer (id, dag_run_id, instance_id, kind, due_at, attempt_seq) select gen_random_uuid(), dag_run_id, id, 'resume', now() + interval '1 day', 1 from instances
     )
     insert into instance_wait (instance_id, first_started_at, try_number, attempt_seq) select id, now(), 1, 1 from instances`, [instances],
  );
  await database.query('vacuum analyze');
  const { pid } = constellation.service('scheduler-1');
  // What it reads once, and the first looks at rows nobody has looked at, are not idling.
  await sleep(15_000);

  progress(`idle for ${idleSeconds} s …`);
  const before = { scheduler: cpuSeconds(pid), database: await databaseCpuSeconds(database), at: performance.now() };
  await sleep(idleSeconds * 1_000);
  const seconds = (performance.now() - before.at) / 1_000;
  figures['waiting.idle_cpu_percent.scheduler'] = ((cpuSeconds(pid) - before.scheduler) / seconds) * 100;
  figures['waiting.idle_cpu_percent.database'] = (((await databaseCpuSeconds(database)) - before.database) / seconds) * 100;
  figures['waiting.memory_mb.scheduler'] = residentMb(pid);

  progress(`${due} due at once …`);
  const { rows: [moment] } = await database.query<{ at: Date }>(
    `update timer set due_at = m.at from (select now() + interval '6 seconds' as at) m where id in (select id from timer limit $1) returning m.at`, [due],
  );
  const resumed = async (): Promise<number> => (await database.query<{ count: number }>(`select count(*)::int as count from timer where due_at <= $1`, [new Date(moment!.at.getTime() + 1)])).rows[0]!.count;
  while ((await database.query<{ due: boolean }>('select now() >= $1 as due', [moment!.at])).rows[0]!.due === false) await sleep(20);
  const began = performance.now();
  const cpuBefore = cpuSeconds(pid);
  while ((await resumed()) > 0) await sleep(25);
  figures['waiting.fire_s'] = (performance.now() - began) / 1_000;
  figures['waiting.fire_per_s'] = due / figures['waiting.fire_s'];
  figures['waiting.fire_cpu_us_per_timer.scheduler'] = ((cpuSeconds(pid) - cpuBefore) / due) * 1e6;
  figures['waiting.peak_memory_mb.scheduler'] = peakMemoryMb(pid);
  const { rows: states } = await database.query<{ state: string; count: number }>(`select state, count(*)::int as count from task_instance group by state order by state`);
  progress(states.map(({ state, count }) => `${count} ${state}`).join(', '));
} finally {
  for (const complaint of await constellation.stop()) progress(`complaint: ${complaint}`);
}
const rounded = Object.fromEntries(Object.entries(figures).map(([key, value]) => [key, Math.round(value * 100) / 100]));
if (flags.json) console.log(JSON.stringify({ figures: rounded, settings: { instances, due, idleSeconds } }, null, 1));
else for (const [key, value] of Object.entries(rounded)) console.log(`${key.padEnd(44)}${value}`);

function residentMb(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? Number.NaN) / 1024;
}
