/**
 * What the services hold in memory, idle and under a load, and what a task leaves behind in the database and in log files: the figures of docs/operators/sizing.md.
 * --runs N  runs of three tasks (default 3,000), after two runs of 10,000 tasks
 * --json    only JSON on stdout
 */
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Constellation } from '../harness/constellation.js';
import { eventually } from '../harness/eventually.js';
import { REPOSITORY_ROOT } from '../harness/repository-root.js';
import { peakMemoryMb, processTree } from './measure/cpu.js';

const { values: flags } = parseArgs({
  allowPositionals: true,
  options: { runs: { type: 'string', default: '3000' }, json: { type: 'boolean', default: false }, 'no-build': { type: 'boolean', default: false } },
});
const runs = Number(flags.runs);
const progress = (text: string): void => void process.stderr.write(`${text}\n`);
/** Triggers at once, as a busy client has connections. */
const CONNECTIONS = 20;
const CONCURRENCY = 8;

interface Memory { readonly service: string; readonly rss: number; readonly peak: number; readonly children: number; readonly childrenRss: number }

const constellation = await Constellation.start({
  label: 'bench-memory', schedulers: 1, workers: [{ queues: ['default'], concurrency: CONCURRENCY, host: 'one' }], logServers: ['one'], dags: [join(REPOSITORY_ROOT, 'test/bench/dags')],
});
const { database, client } = constellation;
try {
  await eventually('the dags to be published', async () => (await database.query(`select 1 from dag where dag_id in ('chain3', 'wide') and current_version_id is not null`)).rows.length === 2, 120_000);
  const idle = memory();
  const empty = await tableBytes();
  progress('two runs of 10,000 tasks …');
  for (const name of ['wide_1', 'wide_2']) {
    await client.must('POST', '/api/v2/dags/wide/dagRuns', { dag_run_id: name, logical_date: null });
    await over(`run_id = '${name}'`, 1, 600_000);
  }
  const afterWide = memory();
  await database.query('vacuum analyze');
  const wide = await tableBytes();
  progress(`${runs} runs of three tasks …`);
  const waiting = Array.from({ length: runs }, (_, index) => `chain_${index}`);
  await Promise.all(Array.from({ length: CONNECTIONS }, async () => {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) await client.must('POST', '/api/v2/dags/chain3/dagRuns', { dag_run_id: name, logical_date: null });
  }));
  await over(`dag_id = 'chain3'`, runs, 600_000);
  const afterChains = memory();
  await database.query('vacuum analyze');
  const chains = await tableBytes();
  const logs = logFiles(constellation.folder);
  const answer = { idle, afterWide, afterChains, tables: tables(empty, wide, chains), logs, settings: { runs, concurrency: CONCURRENCY, node: process.version } };
  if (flags.json) console.log(JSON.stringify(answer, null, 1));
  else print(answer);
} finally {
  for (const complaint of await constellation.stop()) progress(`complaint: ${complaint}`);
}

async function over(where: string, count: number, timeoutMs: number): Promise<void> {
  await eventually(`${count} runs to be over`, async () => (await database.query<{ n: number }>(`select count(*)::int as n from dag_run where ${where} and state = 'success'`)).rows[0]!.n === count, timeoutMs);
}

/** MB of each service's own process, at this moment and at most so far, and of the processes below it (runners of a worker, parsers of a dag-processor) at this moment. */
function memory(): Memory[] {
  return constellation.serviceNames.map((service) => {
    const [own, ...children] = processTree(constellation.service(service).pid);
    return { service, rss: rssMb(own!), peak: peakMemoryMb(own!), children: children.length, childrenRss: children.reduce((sum, pid) => sum + rssMb(pid), 0) };
  });
}

/** NaN when it ended meanwhile. */
function rssMb(pid: number): number {
  try {
    return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? Number.NaN) / 1024;
  } catch {
    return Number.NaN;
  }
}

/** With their indexes and what is stored beside them; a partition counts for itself. */
async function tableBytes(): Promise<Map<string, number>> {
  const { rows } = await database.query<{ name: string; bytes: string }>(`select c.relname as name, pg_total_relation_size(c.oid) as bytes from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = 'public' and c.relkind = 'r'`);
  return new Map(rows.map(({ name, bytes }) => [name, Number(bytes)]));
}

/** Bytes a task of each load left in each table, the largest first. */
function tables(empty: Map<string, number>, wide: Map<string, number>, chains: Map<string, number>): { readonly table: string; readonly wide: number; readonly chain: number }[] {
  const grown = (from: Map<string, number>, to: Map<string, number>, table: string, by: number): number => ((to.get(table) ?? 0) - (from.get(table) ?? 0)) / by;
  return [...chains.keys()].map((table) => ({ table, wide: grown(empty, wide, table, 20_000), chain: grown(wide, chains, table, 3 * runs) }))
    .filter((each) => Math.abs(each.wide) + Math.abs(each.chain) >= 1).sort((a, b) => b.wide + b.chain - a.wide - a.chain);
}

/** Files of tries, the bytes in them, and what they take of the disk. */
function logFiles(folder: string): { readonly files: number; readonly bytes: number; readonly disk: number } {
  let [files, bytes, disk] = [0, 0, 0];
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !/^attempt=\d+\.log$/.test(entry.name)) continue;
    const { size, blocks } = statSync(join(entry.parentPath, entry.name));
    files++;
    bytes += size;
    disk += blocks * 512;
  }
  return { files, bytes, disk };
}

function print({ idle, afterWide, afterChains, tables: grown, logs }: { readonly idle: readonly Memory[]; readonly afterWide: readonly Memory[]; readonly afterChains: readonly Memory[]; readonly tables: ReturnType<typeof tables>; readonly logs: ReturnType<typeof logFiles> }): void {
  console.log(`| MB | idle | after 2 × 10,000 tasks | after ${runs} runs of 3 | peak | below it, each |\n|---|---|---|---|---|---|`);
  for (const [index, { service, rss }] of idle.entries()) {
    const [between, last] = [afterWide[index]!, afterChains[index]!];
    console.log(`| ${service} | ${rss.toFixed(0)} | ${between.rss.toFixed(0)} | ${last.rss.toFixed(0)} | ${last.peak.toFixed(0)} | ${last.children === 0 ? '' : `${last.children} × ${(last.childrenRss / last.children).toFixed(0)}`} |`);
  }
  console.log(`\n| bytes a task | wide | chain of 3 |\n|---|---|---|`);
  for (const { table, wide, chain } of grown) console.log(`| ${table} | ${wide.toFixed(0)} | ${chain.toFixed(0)} |`);
  console.log(`| all | ${grown.reduce((sum, each) => sum + each.wide, 0).toFixed(0)} | ${grown.reduce((sum, each) => sum + each.chain, 0).toFixed(0)} |`);
  console.log(`\n${logs.files} log files: ${(logs.bytes / logs.files).toFixed(0)} bytes each, ${(logs.disk / logs.files).toFixed(0)} on the disk`);
}
