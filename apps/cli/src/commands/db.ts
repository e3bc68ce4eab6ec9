import { loadConfiguration } from '@millrace/configuration';
import { migrate, pendingMigrations } from '@millrace/persistence';
import { runningStandalone } from '../client/running-standalone.js';
import { reachDatabase } from '../database/reach-database.js';
import { print, tell } from '../output/terminal.js';

export async function migrateDatabase(): Promise<void> {
  const url = databaseUrl();
  const report = await reachDatabase(url, () => migrate(url));
  for (const name of report.applied) tell(`applied ${name}`);
  print(`The database is at ${report.current}.\n`);
}

export async function checkDatabase(): Promise<number> {
  const url = databaseUrl();
  const pending = await reachDatabase(url, () => pendingMigrations(url));
  if (pending.length === 0) {
    print('The database answers and is up to date.\n');
    return 0;
  }
  print(`The database answers and lacks ${pending.length} migrations (${pending.join(', ')}): run millrace db migrate.\n`);
  return 1;
}

function databaseUrl(): string {
  const config = loadConfiguration();
  const standalone = runningStandalone(config['core.home']);
  if (standalone !== null) tell(`(the standalone on ${config['core.home']} migrates its own database; this is the one of database.url)`);
  return config['database.url'];
}
