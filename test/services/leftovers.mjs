// What test runs that were killed left on a server that is shared: databases and virtual hosts older than any run takes.
import pg from 'pg';
import { run } from './commands.mjs';

const OLD_MS = 3 * 3600_000;

/** Returns how many were removed. A failure is told and is no reason to stop: the tests do not need it. */
export async function removeLeftovers(services, { ageOfTestName, deleteVirtualHosts, testAddresses }) {
  const isOld = (name) => (ageOfTestName(name, Date.now()) ?? 0) > OLD_MS;
  let removed = 0;
  try {
    const client = new pg.Client({ connectionString: services.MILLRACE_TEST_DATABASE_URL });
    client.on('error', () => undefined);
    await client.connect();
    const { rows } = await client.query("SELECT datname FROM pg_database WHERE datname LIKE 'millrace\\_test\\_%'");
    for (const { datname } of rows.filter((row) => isOld(row.datname))) {
      await client.query(`DROP DATABASE IF EXISTS "${datname}" WITH (FORCE)`);
      removed += 1;
    }
    await client.end();
    const [command, ...args] = services.MILLRACE_TEST_RABBITMQCTL.split(' ');
    const listed = await run(command, [...args, '--quiet', 'list_vhosts', '--no-table-headers'], { quiet: true, timeoutMs: 60_000 });
    const old = listed.code === 0 ? listed.output.split('\n').map((line) => line.trim()).filter(isOld) : [];
    await deleteVirtualHosts(testAddresses(services), old);
    removed += old.length;
  } catch (error) {
    console.warn(`test: leftovers of older runs stay for now: ${error.message}`);
  }
  return removed;
}
