import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ObjectStore } from './index.js';
import { openObjectStore } from './index.js';
import { checkKey } from './object-store.js';
import { gcsServer } from './testing/gcs-server.js';
import { s3Server } from './testing/s3-server.js';

const folder = mkdtempSync(join(tmpdir(), 'millrace-store-'));
const stores = new Map<string, ObjectStore>();
const opened: AsyncDisposable[] = [];

beforeAll(async () => {
  const s3 = await s3Server('logs');
  const gcs = await gcsServer('logs');
  opened.push(s3, gcs);
  stores.set('folder', await openObjectStore(pathToFileURL(join(folder, 'store')).href));
  stores.set('s3', await openObjectStore(s3.url));
  stores.set('gcs', await openObjectStore(gcs.url));
});
afterAll(async () => {
  for (const store of stores.values()) await store.close();
  for (const server of opened) await server[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

async function textOf(bytes: AsyncIterable<Uint8Array> | null): Promise<string | null> {
  if (bytes === null) return null;
  const chunks: Uint8Array[] = [];
  for await (const chunk of bytes) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

async function keysOf(store: ObjectStore, prefix: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of store.list(prefix)) keys.push(key);
  return keys;
}

function fileOf(content: string | Buffer): string {
  const path = join(folder, `file-${Math.random().toString(36).slice(2)}`);
  writeFileSync(path, content);
  return path;
}

describe.each(['folder', 's3', 'gcs'])('a store in %s', (kind) => {
  const store = (): ObjectStore => stores.get(kind) as ObjectStore;

  it('keeps a file, gives it back whole and by ranges, and replaces it', async () => {
    const key = 'dag_id=d/run_id=manual__2026-11-23T07:22:10+00:00/task_id=é a/attempt=1.log';
    await store().putFile(key, fileOf('0123456789'));
    expect(await store().head(key)).toMatchObject({ key, size: 10 });
    expect(await textOf(await store().get(key, { offset: 0 }))).toBe('0123456789');
    expect(await textOf(await store().get(key, { offset: 3, limit: 4 }))).toBe('3456');
    expect(await textOf(await store().get(key, { offset: 8, limit: 100 }))).toBe('89');
    expect(await textOf(await store().get(key, { offset: 10 }))).toBe('');
    expect(await textOf(await store().get(key, { offset: 2, limit: 0 }))).toBe('');
    await store().putFile(key, fileOf('other'));
    expect(await textOf(await store().get(key, { offset: 0 }))).toBe('other');
  });

  it('says what is not there', async () => {
    expect(await store().head('no/such')).toBeNull();
    expect(await store().get('no/such', { offset: 0 })).toBeNull();
    await store().delete(['no/such']);
  });

  it('lists what begins with a prefix, in order, and forgets what is deleted', async () => {
    for (const key of ['l/b/1', 'l/a/2', 'l/a/1', 'l/ab', 'm/1']) await store().putFile(key, fileOf(key));
    const keys = (prefix: string): Promise<string[]> => keysOf(store(), prefix);
    expect(await keys('l/')).toEqual(['l/a/1', 'l/a/2', 'l/ab', 'l/b/1']);
    expect(await keys('l/a')).toEqual(['l/a/1', 'l/a/2', 'l/ab']);
    expect(await keys('none/')).toEqual([]);
    await store().delete(['l/a/1', 'l/b/1']);
    expect(await keys('l/')).toEqual(['l/a/2', 'l/ab']);
  });

  it('keeps a file larger than a part, byte for byte', async () => {
    const bytes = Buffer.alloc(20 * 1_048_576, 'millrace ');
    await store().putFile('large', fileOf(bytes));
    expect((await store().head('large'))?.size).toBe(bytes.length);
    expect(await textOf(await store().get('large', { offset: 12 * 1_048_576, limit: 90 }))).toBe(bytes.subarray(12 * 1_048_576, 12 * 1_048_576 + 90).toString());
  });

  it('keeps what is empty', async () => {
    await store().putFile('empty', fileOf(''));
    expect(await store().head('empty')).toMatchObject({ size: 0 });
    expect(await textOf(await store().get('empty', { offset: 0 }))).toBe('');
  });
});

it.each(['../x', 'a/../b', '/a', 'a//b', 'a/', '', 'a\0b', './a', 'x'.repeat(1_025)])('refuses the key %j', (key) => {
  expect(() => checkKey(key)).toThrow(RangeError);
});

it('follows no link out of a folder by a key', async () => {
  symlinkSync('/etc', join(folder, 'store', 'etc'));
  expect((await keysOf(stores.get('folder') as ObjectStore, '')).filter((key) => key.startsWith('etc'))).toEqual([]);
});

it.each([
  ['logs', 'it is no URL'],
  ['http://x/y', 'it must begin with file://, s3:// or gs://'],
  ['s3:///x', 'the bucket is missing'],
  ['file://host/x', 'a folder is written file:///path'],
])('refuses the URL %s', async (url, why) => {
  await expect(openObjectStore(url)).rejects.toThrow(why);
});

it('refuses credentials in the URL without repeating them', async () => {
  await expect(openObjectStore('s3://key:hunter2@bucket/x')).rejects.toThrow(/credentials do not belong/);
  await expect(openObjectStore('s3://key:hunter2@bucket/x')).rejects.not.toThrow(/hunter2/);
});
