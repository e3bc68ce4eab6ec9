import pg from 'pg';
import { testAddresses, testName } from './addresses.js';

export interface TestDatabase extends AsyncDisposable {
  readonly url: string;
  readonly name: string;
}

/** An empty database of its own; `template` copies another one (nobody may be connected to it). Dropped at the end, whoever is still connected. */
export async function testDatabase(options: { readonly template?: string } = {}): Promise<TestDatabase> {
  const { database } = testAddresses();
  const name = testName();
  // template0: template1 cannot be copied while anybody is connected to it, and several files begin at once.
  await asAdministrator(database, `CREATE DATABASE ${identifier(name)} TEMPLATE ${identifier(options.template ?? 'template0')}`);
  const url = new URL(database);
  url.pathname = `/${name}`;
  return { url: url.toString(), name, [Symbol.asyncDispose]: () => asAdministrator(database, `DROP DATABASE IF EXISTS ${identifier(name)} WITH (FORCE)`) };
}

async function asAdministrator(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000 });
  // A server that goes away while we are idle must not end the test process; the next statement says so.
  client.on('error', () => undefined);
  try {
    await client.connect();
  } catch (error) {
    throw new Error(`no PostgreSQL for tests at ${withoutPassword(url)}: run "npm test", which finds or starts one, or set MILLRACE_TEST_DATABASE_URL`, { cause: error });
  }
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

function withoutPassword(url: string): string {
  const shown = new URL(url);
  if (shown.password !== '') shown.password = '***';
  return shown.toString();
}
