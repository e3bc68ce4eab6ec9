import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { dag, group, param } from '@millrace/sdk';
import { ensureTable, replacePartition, summarise, withDatabase } from './_flights/database.js';
import { problemOf, transformed } from './_flights/flights.js';
import type { Flight, RawFlight } from './_flights/flights.js';
import { flightsFile, millraceHome } from './_flights/places.js';
import { reportText } from './_flights/report.js';

const PARTITIONS = 4;

/**
 * The main job: 20,000 US flights of 2001 (npm package vega-datasets) are read, validated, transformed in parallel by partitions,
 * loaded into a PostgreSQL table through the connection `etl_db`, and summarised into a report.
 *
 * Tasks hand over file names and counts as XCom; the data itself lies in `workDir`, a folder that all workers of the dag
 * must share (one machine, or a network file system). It stays there, so that any task can be cleared and run again.
 */
export default dag(
  'example_etl',
  {
    description: 'Flights: read, validate, transform in parallel, load into PostgreSQL, report',
    tags: ['example', 'etl'],
    params: {
      flightsFile: param('', { description: 'Path of flights-20k.json. Empty: the variable flights_file, else the one inside the package vega-datasets.' }),
      workDir: param('', { description: 'Shared folder for intermediate files. Empty: $MILLRACE_HOME/work/example_etl.' }),
      reportDir: param('', { description: 'Folder of the report. Empty: $MILLRACE_HOME/reports.' }),
      connectionId: param('etl_db', { description: 'Connection to the PostgreSQL database that is loaded.' }),
      table: param('example_flights', { description: 'Table to load.', schema: { type: 'string', pattern: '^[a-z_][a-z0-9_]*$' } }),
    },
    defaultArgs: { retries: 2, retryDelay: '5s', retryExponentialBackoff: true, executionTimeout: '5m' },
  },
  (d) => {
    const extract = d.task('extract', async (_, { params, variables, runId, log }) => {
      const source = params.flightsFile || (await variables.get('flights_file')) || flightsFile();
      const rows = JSON.parse(await readFile(source, 'utf8')) as RawFlight[];
      if (!Array.isArray(rows) || rows.length === 0) throw new Error(`${source} holds no list of flights`);
      const folder = join(params.workDir || join(millraceHome(), 'work', 'example_etl'), runId.replaceAll(/[^\w.-]/g, '_'));
      const file = await writeJson(join(folder, 'extracted.json'), rows);
      log.info(`read ${rows.length} flights from ${source}`);
      return { folder, file, records: rows.length };
    });

    const validate = d.task('validate', async ({ folder, file }: { folder: string; file: string }, { log }) => {
      const rows = await readJson<RawFlight[]>(file);
      const rejected: { id: number; reason: string }[] = [];
      const good = rows.flatMap((row, id) => {
        const reason = problemOf(row);
        if (reason === null) return [{ id, row }];
        rejected.push({ id, reason });
        return [];
      });
      for (const { id, reason } of rejected.slice(0, 10)) log.warn(`record ${id} rejected: ${reason}`);
      if (rejected.length > rows.length / 10) throw new Error(`${rejected.length} of ${rows.length} records are unusable; this cannot be the right file`);
      await writeJson(join(folder, 'rejected.json'), rejected);
      log.info(`${good.length} records are good, ${rejected.length} rejected`);
      return { folder, file: await writeJson(join(folder, 'valid.json'), good), records: good.length, rejected: rejected.length };
    });

    const transform = d.task('part', async ({ from, partition }: { from: { folder: string; file: string }; partition: number }, { log }) => {
      const rows = await readJson<{ id: number; row: RawFlight }[]>(from.file);
      const flights = rows.filter(({ id }) => id % PARTITIONS === partition).map(({ id, row }) => transformed(row, id));
      const file = await writeJson(join(from.folder, `part-${partition}.json`), flights);
      log.info(`partition ${partition}: ${flights.length} flights`);
      return { file, partition, records: flights.length };
    });

    const load = d.task('load', async ({ parts, expected }: { parts: { file: string; partition: number }[]; expected: { records: number } }, { params, connections, log }) => {
      const table = safeTable(params.table);
      const rows = await withDatabase(await connections.get(params.connectionId), async (client) => {
        await ensureTable(client, table);
        let written = 0;
        for (const { file, partition } of parts) {
          const count = await replacePartition(client, table, partition, PARTITIONS, await readJson<Flight[]>(file));
          log.info(`partition ${partition}: ${count} rows`);
          written += count;
        }
        return written;
      });
      if (rows !== expected.records) throw new Error(`${rows} rows were written, ${expected.records} expected`);
      return { table, rows };
    });

    const report = d.task('report', async ({ loaded, checked }: { loaded: { table: string }; checked: { rejected: number } }, { params, connections, runId, log }) => {
      const summary = await withDatabase(await connections.get(params.connectionId), (client) => summarise(client, safeTable(loaded.table)));
      const file = join(params.reportDir || join(millraceHome(), 'reports'), `flights-${runId.replaceAll(/[^\w.-]/g, '_')}.md`);
      await writeWhole(file, reportText(summary, { runId, table: loaded.table, rejected: checked.rejected }));
      log.info(`report written to ${file}`);
      return { file, ...summary };
    });

    const checked = validate(extract());
    const parts = group('transform', () => Array.from({ length: PARTITIONS }, (_, partition) => transform.with({ id: `part_${partition}` })({ from: checked, partition })));
    const loaded = load({ parts: parts.value, expected: checked });
    report({ loaded, checked });
  },
);

/** A table name stands in the SQL text, where no parameter can. */
function safeTable(name: string): string {
  if (!/^[a-z_][a-z0-9_]{0,62}$/.test(name)) throw new Error(`param table must be a plain lower-case name, got ${JSON.stringify(name)}`);
  return name;
}

async function readJson<T>(file: string): Promise<T> {
  return JSON.parse(await readFile(file, 'utf8')) as T;
}

async function writeJson(file: string, value: unknown): Promise<string> {
  return writeWhole(file, JSON.stringify(value));
}

/** A reader, or another try at the same time, never sees half a file. */
async function writeWhole(file: string, text: string): Promise<string> {
  await mkdir(dirname(file), { recursive: true });
  const half = `${file}.${process.pid}.tmp`;
  await writeFile(half, text);
  await rename(half, file);
  return file;
}
