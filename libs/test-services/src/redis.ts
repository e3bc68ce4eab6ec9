import { Redis } from 'ioredis';
import { testAddresses, testName } from './addresses.js';
import { waitFor } from './wait-for.js';

export interface TestRedis extends AsyncDisposable {
  /** With a database number of its own: keys are nobody else's. */
  readonly url: string;
  /** Channels have no database number: publish and subscribe under this prefix. */
  readonly prefix: string;
}

/** Redis has 16 databases; 0 holds the claims. */
const DATABASES = Array.from({ length: 15 }, (_, index) => index + 1);
/** A claim outlives no killed run for longer. */
const CLAIM_SECONDS = 1800;
const WAIT_FOR_FREE_MS = 60_000;

/** An empty Redis database, emptied and given back at the end. */
export async function testRedis(): Promise<TestRedis> {
  const { redis: address } = testAddresses();
  const name = testName();
  return withClient(address, async (client) => {
    const number = await waitFor(() => claim(client, name), { timeoutMs: WAIT_FOR_FREE_MS, what: 'a free Redis database (15 are shared by all test runs on this server)', everyMs: 100 });
    const url = new URL(address);
    url.pathname = `/${number}`;
    await flush(url.toString());
    return {
      url: url.toString(),
      prefix: `${name}:`,
      [Symbol.asyncDispose]: async () => {
        await flush(url.toString());
        await withClient(address, (again) => again.del(claimKey(number)));
      },
    };
  });
}

async function claim(client: Redis, name: string): Promise<number | null> {
  for (const number of DATABASES) {
    if ((await client.set(claimKey(number), name, 'EX', CLAIM_SECONDS, 'NX')) === 'OK') return number;
  }
  return null;
}

async function flush(url: string): Promise<void> {
  await withClient(url, (client) => client.flushdb());
}

async function withClient<T>(url: string, work: (client: Redis) => Promise<T>): Promise<T> {
  const client = new Redis(url, { lazyConnect: true, maxRetriesPerRequest: 1, retryStrategy: () => null, connectTimeout: 10_000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
  } catch (error) {
    client.disconnect();
    throw new Error(`no Redis for tests at ${new URL(url).host}: run "npm test", which finds or starts one, or set MILLRACE_TEST_REDIS_URL`, { cause: error });
  }
  try {
    return await work(client);
  } finally {
    client.disconnect();
  }
}

function claimKey(number: number): string {
  return `millrace_test:database:${number}`;
}
