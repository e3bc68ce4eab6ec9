import { execFile } from 'node:child_process';
import { mkdir, readdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { testAddresses, testName } from './addresses.js';
import type { TestAddresses } from './addresses.js';

export interface TestVirtualHost extends AsyncDisposable {
  readonly url: string;
  readonly name: string;
}

const run = promisify(execFile);
/** One rabbitmqctl costs about a second whatever it does, so with a pool the next files' hosts are made in the same call. */
const MADE_AT_ONCE = 6;

/**
 * An empty RabbitMQ virtual host of its own. Under the test command it comes from a pool (a rename, no waiting) and the command
 * removes it at the end; else it is made by rabbitmqctl or the management API and removed on dispose.
 */
export async function testVirtualHost(): Promise<TestVirtualHost> {
  const addresses = testAddresses();
  const pool = addresses.virtualHostPool;
  if (pool === null) {
    const name = testName();
    await createVirtualHosts(addresses, [name]);
    return { name, url: urlOf(addresses, name), [Symbol.asyncDispose]: () => deleteVirtualHosts(addresses, [name]) };
  }
  const name = (await claim(pool)) ?? (await refill(pool, addresses));
  return { name, url: urlOf(addresses, name), [Symbol.asyncDispose]: async () => undefined };
}

/** Makes hosts with every right for the user of the AMQP address. */
export async function createVirtualHosts(addresses: TestAddresses, names: readonly string[]): Promise<void> {
  const user = decodeURIComponent(new URL(addresses.amqp).username || 'guest');
  await administer(addresses, {
    eval: names.map((name) => `rabbit_vhost:add(${binary(name)}, ${binary('tests')}), rabbit_auth_backend_internal:set_permissions(${binary(user)}, ${binary(name)}, ${binary('.*')}, ${binary('.*')}, ${binary('.*')}, ${binary('tests')})`),
    async api(call) {
      for (const name of names) {
        await call('PUT', `/api/vhosts/${encodeURIComponent(name)}`, {});
        await call('PUT', `/api/permissions/${encodeURIComponent(name)}/${encodeURIComponent(user)}`, { configure: '.*', write: '.*', read: '.*' });
      }
    },
  });
}

/** A host that is gone already is no error. */
export async function deleteVirtualHosts(addresses: TestAddresses, names: readonly string[]): Promise<void> {
  if (names.length === 0) return;
  await administer(addresses, {
    eval: names.map((name) => `catch rabbit_vhost:delete(${binary(name)}, ${binary('tests')})`),
    async api(call) {
      for (const name of names) await call('DELETE', `/api/vhosts/${encodeURIComponent(name)}`);
    },
  });
}

/** Fills a pool folder; the file names are the hosts. */
export async function fillPool(pool: string, addresses: TestAddresses, count: number): Promise<readonly string[]> {
  const names = Array.from({ length: count }, testName);
  await Promise.all(['free', 'taken'].map((folder) => mkdir(join(pool, folder), { recursive: true })));
  await createVirtualHosts(addresses, names);
  for (const name of names) await writeFile(join(pool, 'free', name), '');
  return names;
}

export async function virtualHostsOfPool(pool: string): Promise<readonly string[]> {
  return (await Promise.all(['free', 'taken'].map((folder) => readdir(join(pool, folder))))).flat();
}

async function claim(pool: string): Promise<string | null> {
  for (const name of await readdir(join(pool, 'free'))) {
    try {
      await rename(join(pool, 'free', name), join(pool, 'taken', name));
      return name;
    } catch (error) {
      // Another file took it first.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  return null;
}

async function refill(pool: string, addresses: TestAddresses): Promise<string> {
  const names = Array.from({ length: MADE_AT_ONCE }, testName);
  await createVirtualHosts(addresses, names);
  const [own = '', ...others] = names;
  await writeFile(join(pool, 'taken', own), '');
  for (const name of others) await writeFile(join(pool, 'free', name), '');
  return own;
}

type ManagementCall = (method: string, path: string, body?: unknown) => Promise<void>;

async function administer(addresses: TestAddresses, work: { readonly eval: readonly string[]; api(call: ManagementCall): Promise<void> }): Promise<void> {
  const [command, ...args] = addresses.rabbitmqctl;
  let ctlError: unknown = 'none was named';
  if (command !== undefined) {
    try {
      await run(command, [...args, '--quiet', 'eval', `${work.eval.join(', ')}.`], { timeout: 120_000 });
      return;
    } catch (error) {
      ctlError = error;
    }
  }
  try {
    await work.api((method, path, body) => callManagement(addresses.amqpManagement, method, path, body));
  } catch (error) {
    throw new Error(
      `no virtual host for tests: rabbitmqctl failed (${firstLine(ctlError)}) and so did the management API at ${new URL(addresses.amqpManagement).host} (${firstLine(error)}). Run "npm test", which finds or starts a broker, or set MILLRACE_TEST_RABBITMQCTL or MILLRACE_TEST_AMQP_MANAGEMENT_URL`,
      { cause: error },
    );
  }
}

async function callManagement(address: string, method: string, path: string, body?: unknown): Promise<void> {
  const url = new URL(path, address);
  const authorization = `Basic ${Buffer.from(`${decodeURIComponent(url.username || new URL(address).username)}:${decodeURIComponent(new URL(address).password)}`).toString('base64')}`;
  url.username = '';
  url.password = '';
  const response = await fetch(url, { method, headers: { authorization, 'content-type': 'application/json' }, ...(body === undefined ? {} : { body: JSON.stringify(body) }), signal: AbortSignal.timeout(30_000) });
  await response.arrayBuffer();
  if (!response.ok && !(method === 'DELETE' && response.status === 404)) throw new Error(`${method} ${path}: ${response.status} ${response.statusText}`);
}

function urlOf(addresses: TestAddresses, name: string): string {
  const url = new URL(addresses.amqp);
  url.pathname = `/${encodeURIComponent(name)}`;
  return url.toString();
}

function binary(text: string): string {
  return `<<"${text.replaceAll(/["\\]/g, '\\$&')}">>`;
}

function firstLine(error: unknown): string {
  const text = error instanceof Error ? `${error.message} ${(error as { stderr?: string }).stderr ?? ''} ${error.cause instanceof Error ? error.cause.message : ''}` : String(error);
  return text.trim().split('\n').slice(0, 2).join(' ').slice(0, 300);
}
