import { loadConfiguration } from '@millrace/configuration';
import { MillraceError } from '@millrace/vocabulary';
import { migrate, pendingMigrations } from '@millrace/persistence';
import { runningStandalone } from '../client/running-standalone.js';
import { print, tell } from '../output/terminal.js';

export async function migrateDatabase(): Promise<void> {
  const url = databaseUrl();
  const report = await reaching(url, () => migrate(url));
  for (const name of report.applied) tell(`applied ${name}`);
  print(`The database is at ${report.current}.\n`);
}

export async function checkDatabase(): Promise<number> {
  const url = databaseUrl();
  const pending = await reaching(url, () => pendingMigrations(url));
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

async function reaching<Answer>(url: string, work: () => Promise<Answer>): Promise<Answer> {
  try {
    return await work();
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    const { host, pathname, username } = new URL(url);
    throw new MillraceError('unavailable', `the database ${pathname.slice(1)} at ${host} (user ${username || 'unnamed'}) can't be used: ${message || code || 'no answer'}. Set MILLRACE__DATABASE__URL, e.g. postgres://user:password@host:5432/millrace`);
  }
}
