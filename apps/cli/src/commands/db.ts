import { setTimeout as sleep } from 'node:timers/promises';
import { loadConfiguration } from '@millrace/configuration';
import { CLEANED, cleanDatabase, downgrade, beatingServices, maintainPartitions, migrate, migrationState, openDatabase, undoEverything } from '@millrace/persistence';
import { MillraceError } from '@millrace/vocabulary';
import { runningStandalone } from '../client/running-standalone.js';
import { runForeground } from '../database/run-foreground.js';
import { reachDatabase } from '../database/reach-database.js';
import { confirmed } from '../output/confirm.js';
import { Progress } from '../output/progress.js';
import { renderRows } from '../output/render.js';
import { print, tell } from '../output/terminal.js';
import type { OutputOptions } from '../output/terminal.js';

const WAIT_STEP_MS = 1_000;

export async function migrateDatabase(): Promise<void> {
  const url = databaseUrl();
  const report = await reachDatabase(url, () => migrate(url));
  for (const name of report.applied) tell(`applied ${name}`);
  print(`The database is at ${report.current}.\n`);
}

/** 0: up to date; 1: migrations are missing, or, with `--wait`, still are when the time is over. */
export async function checkDatabase(options: { readonly wait?: number }): Promise<number> {
  const url = databaseUrl();
  const until = performance.now() + (options.wait ?? 0) * 1_000;
  for (let told = ''; ; ) {
    let trouble: string;
    try {
      const state = await reachDatabase(url, () => migrationState(url));
      if (state.pending.length === 0) {
        print(state.unknown.length === 0 ? 'The database answers and is up to date.\n' : `The database answers. A newer version has migrated it (${state.unknown.join(', ')}); this version works with it.\n`);
        return 0;
      }
      trouble = `The database answers and lacks ${state.pending.length} migrations (${state.pending.join(', ')}): run millrace db migrate.`;
    } catch (error) {
      if (!(error instanceof MillraceError) || options.wait === undefined) throw error;
      trouble = error.message;
    }
    if (performance.now() >= until) {
      print(`${trouble}\n`);
      return 1;
    }
    if (trouble !== told) tell(`waiting: ${trouble}`);
    told = trouble;
    await sleep(WAIT_STEP_MS);
  }
}

/** Takes migrations back. Only with `--yes`, since it may drop what newer tables hold. */
export async function downgradeDatabase(options: { readonly to: string; readonly yes?: boolean }): Promise<number> {
  const url = databaseUrl();
  if (options.yes !== true) {
    const { applied } = await reachDatabase(url, () => migrationState(url));
    const index = applied.indexOf(options.to);
    if (index < 0) throw new MillraceError('not_found', `the database has no migration ${options.to}; it has ${applied.toReversed().join(', ') || 'none'}`);
    print(`Would take back, in this order: ${applied.slice(0, index).join(', ') || 'nothing'}. What only they hold is lost. Back up first, stop the services of the newer version, then say it again with --yes.\n`);
    return index === 0 ? 0 : 1;
  }
  const reverted = await reachOrRefuse(url, () => downgrade(url, options.to, (name) => tell(`took back ${name}`)));
  print(reverted.length === 0 ? `The database is at ${options.to} already.\n` : `The database is at ${options.to}.\n`);
  return 0;
}

/** Takes everything away and makes the schema anew. Asks first, and never beneath services that run. */
export async function resetDatabase(options: { readonly yes?: boolean; readonly skipInit?: boolean }): Promise<number> {
  const url = databaseUrl();
  const { host, pathname } = new URL(url);
  const living = await reachDatabase(url, () => beatingServices(url));
  if (living.length > 0) throw new MillraceError('conflict', `services use this database: ${living.map(({ kind, hostname }) => `${kind} on ${hostname}`).join(', ')}. Stop them first (one that crashed counts for 15 s)`);
  if (options.yes !== true) {
    const answer = await confirmed(`Delete every dag, run, log entry, connection, variable and user in database ${pathname.slice(1)} at ${host}?`);
    if (answer === null) throw new MillraceError('bad_request', `this would delete everything in database ${pathname.slice(1)} at ${host}; there is no terminal to ask: say it again with --yes`);
    if (!answer) {
      tell('Nothing was deleted.');
      return 0;
    }
  }
  await reachOrRefuse(url, () => undoEverything(url));
  tell(`deleted everything of Millrace in ${pathname.slice(1)} at ${host}`);
  if (options.skipInit !== true) await migrateDatabase();
  return 0;
}

/** psql on the database; the password travels in its environment, where the list of processes does not show it. */
export async function openShell(args: readonly string[]): Promise<number> {
  const url = new URL(databaseUrl());
  const password = decodeURIComponent(url.password);
  url.password = '';
  return runForeground('psql', [url.href, ...args], { ...process.env, ...(password === '' ? {} : { PGPASSWORD: password }) }, 'psql is not installed here: it comes with PostgreSQL\'s client programs (Debian: apt-get install postgresql-client)');
}

/** Deletes what ended before a time. */
export async function cleanOldRows(options: OutputOptions & { readonly before: Date | string; readonly tables?: string; readonly dryRun?: boolean; readonly yes?: boolean }): Promise<number> {
  const tables = options.tables?.split(',').map((name) => name.trim()) ?? [];
  const unknown = tables.filter((name) => !CLEANED.some((each) => each.table === name));
  if (unknown.length > 0) throw new MillraceError('bad_request', `${unknown.join(', ')}: not among what is cleaned: ${CLEANED.map((each) => each.table).join(', ')}`);
  const dryRun = options.dryRun === true || options.yes !== true;
  const database = openDatabase(loadConfiguration(), 'millrace-db-clean');
  const progress = new ProgressOfTables();
  try {
    const report = await reachDatabase(database.options.url, () => cleanDatabase(database, { before: new Date(options.before), dryRun, tables, onProgress: (table, rows, of) => progress.at(table, rows, of) }));
    progress.end();
    print(await renderRows(report.map(({ table, rows }) => ({ table, rows })), ['table', 'rows'], options.output));
    if (dryRun) tell('Nothing was deleted. With --yes it is.');
    return 0;
  } finally {
    progress.end();
    await database.stop();
  }
}

/** A bar for the table that is being cleaned, and what is done above it. */
class ProgressOfTables {
  #table = '';
  #progress: Progress | undefined;

  at(table: string, rows: number, of: number): void {
    if (table !== this.#table) {
      this.end();
      this.#table = table;
      this.#progress = new Progress(table, of);
    }
    this.#progress?.at(rows, '', of);
  }

  end(): void {
    this.#progress?.end();
    this.#progress = undefined;
  }
}

/** Makes partitions ahead and drops old ones, as schedulers do every hour. */
export async function maintainDatabase(): Promise<void> {
  const config = loadConfiguration();
  const database = openDatabase(config, 'millrace-db-maintain');
  try {
    const report = await reachDatabase(database.options.url, () => maintainPartitions(database, new Date(), { run_decision: config['retention.decisions_days'], task_instance_history: config['retention.history_days'], audit_log: config['retention.audit_days'] }));
    print(`made: ${report.made.join(', ') || 'none'}\ndropped: ${report.dropped.join(', ') || 'none'}\n`);
    for (const line of report.postponed) tell(`left for later: ${line}`);
  } finally {
    await database.stop();
  }
}

/** As reachDatabase, but refusals stay what they are. */
async function reachOrRefuse<Answer>(url: string, work: () => Promise<Answer>): Promise<Answer> {
  let refusal: MillraceError | undefined;
  try {
    return await reachDatabase(url, () => work().catch((error: unknown) => {
      if (error instanceof MillraceError) refusal = error;
      throw error;
    }));
  } catch (error) {
    throw refusal ?? error;
  }
}

function databaseUrl(): string {
  const config = loadConfiguration();
  const standalone = runningStandalone(config['core.home']);
  if (standalone !== null) tell(`(the standalone on ${config['core.home']} migrates its own database; this is the one of database.url)`);
  return config['database.url'];
}
