/**
 * How long a dag-processor takes with many small dag files: from its start until all are published, the same after a restart when nothing has changed,
 * and from the change of one file among them until its new version is there. CPU seconds are of the whole pass.
 * --files N       how many (default 200)
 * --kind ts|yaml  TypeScript (default), or dags as data
 * --changes N     changes of one file (default 9)
 * --once          without the second start
 * --parallelism N dag_processor.parallelism (default: Millrace's own)
 * --json          only JSON on stdout
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Constellation } from '../harness/constellation.js';
import { eventually } from '../harness/eventually.js';
import { cpuSeconds, peakMemoryMb, treeCpuSeconds } from './measure/cpu.js';
import { databaseCpuSeconds } from './measure/database-cpu.js';
import { percentile } from './measure/statistics.js';

const { values: flags } = parseArgs({
  allowPositionals: true,
  options: { files: { type: 'string', default: '200' }, kind: { type: 'string', default: 'ts' }, changes: { type: 'string', default: '9' }, parallelism: { type: 'string' }, once: { type: 'boolean', default: false }, profile: { type: 'string' }, json: { type: 'boolean', default: false }, 'no-build': { type: 'boolean', default: false } },
});
const files = Number(flags.files);
if (flags.kind !== 'ts' && flags.kind !== 'yaml') throw new Error(`--kind ${flags.kind}: ts or yaml`);
const kind = flags.kind;
const progress = (text: string): void => void process.stderr.write(`${text}\n`);

const constellation = await Constellation.start({
  label: 'bench-dag-files', schedulers: 1, workers: [], dags: [], settings: flags.parallelism === undefined ? {} : { 'dag_processor.parallelism': flags.parallelism }, ...(flags.profile === undefined ? {} : { profileFolder: flags.profile }),
});
const { database } = constellation;
try {
  await constellation.service('dag-processor').stop();
  for (let index = 0; index < files; index++) write(index, 'first');
  progress(`${files} ${kind} files: first pass …`);
  const first = await pass('first');
  let again: Awaited<ReturnType<typeof pass>> | null = null;
  if (!flags.once) {
    progress('started again, nothing has changed …');
    await constellation.service('dag-processor').stop();
    again = await pass('again');
  }
  progress(`${flags.changes} changes …`);
  const changes: number[] = [];
  for (let change = 1; change <= Number(flags.changes); change++) {
    const index = (change * 7) % files;
    const since = performance.now();
    write(index, `change ${change}`);
    await eventually('the new version', async () => (await database.query('select 1 from dag where dag_id = $1 and description = $2', [dagId(index), `change ${change}`])).rowCount === 1, 300_000);
    changes.push(performance.now() - since);
  }
  const { rows: [stored] } = await database.query<{ blobs: string; versions: string }>(`select pg_size_pretty(pg_total_relation_size('bundle_blob')) as blobs, pg_size_pretty(pg_total_relation_size('dag_version')) as versions`);
  const answer = { files, kind, first, again, change: { p50_ms: Math.round(percentile(changes, 0.5)), max_ms: Math.round(Math.max(...changes)) }, stored, node: process.version };
  if (flags.json) console.log(JSON.stringify(answer, null, 1));
  else console.log(JSON.stringify(answer));
} finally {
  for (const complaint of await constellation.stop()) progress(`complaint: ${complaint}`);
}

function dagId(index: number): string {
  return `many_${index}`;
}

/** As small dag files are: a schedule, three tasks, one of them a function, a module they share. */
function write(index: number, description: string): void {
  if (index === 0) writeFileSync(join(constellation.dagsFolder, '_shared.ts'), `export const owner = 'team';\nexport function greet(name: string): string {\n  return \`hello \${name}\`;\n}\n`);
  if (kind === 'ts') {
    writeFileSync(join(constellation.dagsFolder, `${dagId(index)}.ts`), `import { BashOperator, EmptyOperator } from '@millrace/operators';
import { chain, dag, task } from '@millrace/sdk';
import { greet } from './_shared.js';

dag('${dagId(index)}', { schedule: '${index % 60} 3 * * *', description: '${description}', tags: ['many'] }, () => {
  const extract = new BashOperator('extract', { bashCommand: 'echo ${index}' });
  const transform = task('transform', () => greet('${index}'), { retries: 2 });
  chain(extract, transform(), new EmptyOperator('load'));
});
`);
  } else {
    writeFileSync(join(constellation.dagsFolder, `${dagId(index)}.dag.yaml`), `dag: ${dagId(index)}
schedule: '${index % 60} 3 * * *'
description: ${description}
tags: [many]
tasks:
  extract:
    operator: bash
    options: { bashCommand: 'echo ${index}' }
  transform:
    operator: bash
    retries: 2
    options: { bashCommand: 'echo transform' }
    upstream: [extract]
  load:
    operator: empty
    upstream: [transform]
`);
  }
}

/** From the start of the dag-processor's process until its first look is over and every file is published. */
async function pass(name: string): Promise<Readonly<Record<string, number>>> {
  const processes = (): Record<string, number> => ({ api: cpuSeconds(constellation.service('api').pid) });
  const before = processes();
  const databaseBefore = await databaseCpuSeconds(database);
  const { rows: [clock] } = await database.query<{ now: Date }>('select now() as now');
  const since = performance.now();
  await constellation.restart('dag-processor');
  await eventually(`${files} files (${name})`, async () => {
    const { rows } = await database.query<{ n: number; broken: number }>(`select count(*)::int as n, (select count(*)::int from import_error) as broken from dag where dag_id like 'many%' and current_version_id is not null and last_parsed_time >= $1`, [clock!.now]);
    if (rows[0]!.broken > 0) throw new Error(`import errors: ${JSON.stringify((await database.query('select relative_fileloc, stack_trace from import_error limit 3')).rows)}`);
    return rows[0]!.n === files;
  }, 1_800_000);
  const seconds = (performance.now() - since) / 1e3;
  const { pid } = constellation.service('dag-processor');
  return {
    seconds: rounded(seconds), ms_per_file: rounded((seconds * 1e3) / files),
    processor_cpu_s: rounded(cpuSeconds(pid)), children_cpu_s: rounded(treeCpuSeconds(pid) - cpuSeconds(pid)), api_cpu_s: rounded(processes()['api']! - before['api']!), postgresql_cpu_s: rounded((await databaseCpuSeconds(database)) - databaseBefore),
    processor_peak_mb: rounded(peakMemoryMb(pid)),
  };
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}
