/**
 * What reading costs when there is much to read: dags × runs × 10 tasks, all over, and the calls of clients and of the web UI on them.
 * --dags N    how many dags (default 1,000)
 * --runs N    how many runs of each (default 100; 1,000 makes ten million instances, about 6 GB)
 * --rounds N  how often each call is made (default 50)
 * --json      only JSON on stdout
 * --hold      keeps services and database afterwards until SIGINT, to ask for plans and look at pages
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Constellation } from '../harness/constellation.js';
import { eventually } from '../harness/eventually.js';
import { REPOSITORY_ROOT } from '../harness/repository-root.js';
import { median, percentile } from './measure/statistics.js';

const { values: flags } = parseArgs({
  allowPositionals: true,
  options: { dags: { type: 'string', default: '1000' }, runs: { type: 'string', default: '100' }, rounds: { type: 'string', default: '50' }, json: { type: 'boolean', default: false }, hold: { type: 'boolean', default: false }, 'no-build': { type: 'boolean', default: false } },
});
const [dags, runs, rounds] = [Number(flags.dags), Number(flags.runs), Number(flags.rounds)];
const progress = (text: string): void => void process.stderr.write(`${text}\n`);
/** One transaction takes so many dags: a log of what is still to be written does not grow without end. */
const DAGS_AT_ONCE = 50;

/** An id that begins with a time, as the engine's do (UUID version 7): rows of one time lie together in its index. */
const timedId = (at: string): string => `(lpad(to_hex((extract(epoch from ${at}) * 1000)::bigint), 12, '0') || '7' || substr(md5(random()::text), 1, 3) || '8' || substr(md5(random()::text), 1, 15))::uuid`;

/** Dags $1…$2 with $3 runs each; every tenth run failed at its last task. */
const MADE = `
with base as (select d.*, v.document, v.content_hash, v.bundle_hash from dag d join dag_version v on v.id = d.current_version_id where d.dag_id = 'history'),
numbers as (select n, 'history_' || n as dag_id from generate_series($1::int, $2::int) n),
dags as (
  insert into dag (dag_id, bundle_name, relative_fileloc, fileloc, owners, tags)
  select n.dag_id, b.bundle_name, b.relative_fileloc, b.fileloc, b.owners, b.tags from base b, numbers n returning dag_id
), versions as (
  insert into dag_version (id, dag_id, version_number, content_hash, bundle_hash, bundle_name, document)
  select gen_random_uuid(), n.dag_id, 1, b.content_hash, b.bundle_hash, b.bundle_name, jsonb_set(b.document, '{dagId}', to_jsonb(n.dag_id)) from base b, numbers n, dags d where d.dag_id = n.dag_id returning id, dag_id
), runs as (
  insert into dag_run (id, dag_id, run_id, dag_version_id, state, version, run_type, triggered_by, logical_date, run_after, queued_at, start_date, end_date, last_scheduling_decision)
  select ${timedId('t.at')}, v.dag_id, 'run_' || r, v.id, case r % 10 when 0 then 'failed' else 'success' end, 12, 'scheduled', 'timetable',
         t.at, t.at, t.at, t.at, t.at + interval '1 minute', t.at
  from versions v, generate_series(0, $3::int - 1) r, lateral (select now() - make_interval(hours => r, secs => hashtext(v.dag_id) % 1000) as at) t
  returning id, dag_id, run_id, state, start_date
)
insert into task_instance (id, dag_run_id, dag_id, run_id, task_id, state, try_number, attempt_id, attempt_seq, scheduled_at, queued_at, start_date, end_date, operator, hostname)
select ${timedId('r.start_date')}, r.id, r.dag_id, r.run_id, 'step_' || s, case when s = 9 then r.state else 'success' end, 1, gen_random_uuid(), 1, r.start_date, r.start_date,
       r.start_date + make_interval(secs => s * 5), r.start_date + make_interval(secs => s * 5 + 4), '@task', 'worker-1'
from runs r, generate_series(0, 9) s`;
const CURRENT = `update dag d set current_version_id = v.id, last_parsed_time = now() from dag_version v where v.dag_id = d.dag_id and d.current_version_id is null`;

const DAG = (round: number): string => `history_${(round * 37) % dags}`;
const RUN = (round: number): string => `run_${(round * 53) % runs}`;
/** Of clients, and of the pages of the web UI. */
const CALLS: Readonly<Record<string, (round: number) => string>> = {
  'dags': () => '/api/v2/dags?limit=50',
  'dags, second page, by last run': () => '/api/v2/dags?limit=50&offset=50&order_by=-last_run_start_date',
  'dag': (round) => `/api/v2/dags/${DAG(round)}`,
  'runs of a dag, newest': (round) => `/api/v2/dags/${DAG(round)}/dagRuns?limit=50&order_by=-run_after`,
  'failed runs of a dag': (round) => `/api/v2/dags/${DAG(round)}/dagRuns?limit=50&state=failed&order_by=-run_after`,
  'runs of all dags, newest': () => '/api/v2/dags/~/dagRuns?limit=50&order_by=-run_after',
  'runs of all dags, failed': () => '/api/v2/dags/~/dagRuns?limit=50&state=failed&order_by=-run_after',
  'runs of all dags, no order': () => '/api/v2/dags/~/dagRuns?limit=50',
  'run': (round) => `/api/v2/dags/${DAG(round)}/dagRuns/${RUN(round)}`,
  'instances of a run': (round) => `/api/v2/dags/${DAG(round)}/dagRuns/${RUN(round)}/taskInstances`,
  'instances of a task in all runs': (round) => `/api/v2/dags/${DAG(round)}/dagRuns/~/taskInstances?task_id=step_3&limit=50`,
  'instances of a dag': (round) => `/api/v2/dags/${DAG(round)}/dagRuns/~/taskInstances?limit=50`,
  'failed instances of a dag, newest': (round) => `/api/v2/dags/${DAG(round)}/dagRuns/~/taskInstances?limit=50&state=failed&order_by=-start_date`,
  'instances of all dags': () => '/api/v2/dags/~/dagRuns/~/taskInstances?limit=50',
  'running instances of all dags': () => '/api/v2/dags/~/dagRuns/~/taskInstances?limit=50&state=running',
  'failed instances of all dags, newest runs': () => '/api/v2/dags/~/dagRuns/~/taskInstances?limit=50&state=failed&order_by=-run_after',
  'page of instances (UI)': () => '/api/v2/dags/~/dagRuns/~/taskInstances?order_by=-run_after&order_by=-start_date&limit=50',
  'page of instances (UI), failed': () => '/api/v2/dags/~/dagRuns/~/taskInstances?state=failed&order_by=-run_after&order_by=-start_date&limit=50',
  'tries of an instance': (round) => `/api/v2/dags/${DAG(round)}/dagRuns/${RUN(round)}/taskInstances/step_3/tries`,
  'event log': () => '/api/v2/eventLogs?limit=50&order_by=-event_log_id',
  'counts of runs, one dag': (round) => `/api/v2/dagStats?dag_ids=${DAG(round)}`,
  'counts of runs, all dags': () => '/api/v2/dagStats',
  'page of dags (UI)': () => '/api/millrace/v1/ui/dags',
  'home (UI)': () => '/api/millrace/v1/ui/home',
  'grid of a dag (UI)': (round) => `/api/millrace/v1/ui/dags/${DAG(round)}/board`,
  'calendar of a dag (UI)': (round) => `/api/millrace/v1/ui/dags/${DAG(round)}/calendar`,
  'durations of a dag (UI)': (round) => `/api/millrace/v1/ui/dags/${DAG(round)}/durations`,
};

const constellation = await Constellation.start({ label: 'bench-history', schedulers: 1, workers: [], dags: [join(REPOSITORY_ROOT, 'test/bench/dags/history.ts')] });
const { database, client } = constellation;
const figures: { call: string; p50: number; p95: number; status: number }[] = [];
try {
  await eventually('the dag to be published', async () => (await database.query('select 1 from dag where current_version_id is not null')).rows.length === 1, 60_000);
  progress(`${dags} dags with ${runs} runs of ten tasks …`);
  for (let from = 0; from < dags; from += DAGS_AT_ONCE) {
    await database.query(MADE, [from, Math.min(dags, from + DAGS_AT_ONCE) - 1, runs]);
    progress(`${Math.min(dags, from + DAGS_AT_ONCE)} of ${dags} dags`);
  }
  await database.query(CURRENT);
  await database.query('vacuum analyze');
  const { rows: [size] } = await database.query<{ size: string }>('select pg_size_pretty(pg_database_size(current_database())) as size');
  progress(`${size!.size}; ${rounds} rounds of ${Object.keys(CALLS).length} calls …`);
  for (const [call, pathOf] of Object.entries(CALLS)) {
    const times: number[] = [];
    let status = 0;
    for (let round = -2; round < rounds; round++) {
      const began = performance.now();
      const answer = await client.call('GET', pathOf(Math.abs(round)));
      status = Math.max(status, answer.status);
      // The first two make plans and read pages that nobody has read yet.
      if (round >= 0) times.push(performance.now() - began);
    }
    figures.push({ call, p50: median(times), p95: percentile(times, 0.95), status });
  }
  if (flags.hold) {
    progress(`api ${client.baseUrl}, database ${constellation.databaseUrl}; SIGINT ends it`);
    await new Promise((resolve) => process.once('SIGINT', resolve));
  }
} finally {
  for (const complaint of await constellation.stop()) progress(`complaint: ${complaint}`);
}
if (flags.json) console.log(JSON.stringify({ figures, settings: { dags, runs, rounds, node: process.version } }, null, 1));
else {
  console.log(`| call, ms | p50 | p95 | |\n|---|---|---|---|`);
  for (const { call, p50, p95, status } of figures) console.log(`| ${call} | ${p50.toFixed(1)} | ${p95.toFixed(1)} | ${status === 200 ? '' : status} |`);
}
