import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GcsCopyOperator, GcsDeleteOperator, GcsGetOperator, GcsListOperator, GcsObjectSensor, GcsPutOperator, S3CopyOperator, S3DeleteOperator, S3GetOperator, S3KeySensor, S3ListOperator, S3PutOperator } from '@millrace/operators';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { gcsServer } from './gcs-server.js';
import { runOperator } from './run-operator.js';
import type { ConnectionFields } from './run-operator.js';

interface Server extends AsyncDisposable {
  readonly connections: Readonly<Record<string, ConnectionFields>>;
}

async function s3(): Promise<Server> {
  const S3rver = createRequire(import.meta.url)('s3rver') as new (options: object) => { run(): Promise<{ port: number }>; close(): Promise<void> };
  const directory = mkdtempSync(join(tmpdir(), 'millrace-s3-'));
  const server = new S3rver({ address: '127.0.0.1', port: 0, silent: true, directory, configureBuckets: [{ name: 'first', configs: [] }, { name: 'second', configs: [] }] });
  const { port } = await server.run();
  return {
    connections: { aws_default: { connType: 'aws', login: 'S3RVER', password: 'S3RVER', extra: { endpoint_url: `http://127.0.0.1:${port}`, path_style: true, region_name: 'eu-central-1' } } },
    async [Symbol.asyncDispose]() {
      await server.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

async function gcs(): Promise<Server> {
  const server = await gcsServer(['first', 'second']);
  return { connections: { google_cloud_default: { connType: 'google_cloud_platform', extra: { endpoint_url: server.url } } }, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

const PLATFORMS = [
  ['S3', 's3', s3, { list: S3ListOperator, get: S3GetOperator, put: S3PutOperator, copy: S3CopyOperator, delete: S3DeleteOperator, sensor: S3KeySensor }],
  ['Google Cloud Storage', 'gs', gcs, { list: GcsListOperator, get: GcsGetOperator, put: GcsPutOperator, copy: GcsCopyOperator, delete: GcsDeleteOperator, sensor: GcsObjectSensor }],
] as const;

describe.each(PLATFORMS)('%s', (_, scheme, start, operators) => {
  let server: Server;
  let folder: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'millrace-objects-'));
    server = await start();
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });
  const run = (make: Parameters<typeof runOperator>[0]) => runOperator(make, server.connections);

  it('stores, lists, reads, copies and deletes', async () => {
    const file = join(folder, 'large.bin');
    writeFileSync(file, Buffer.alloc(3_000_000, 'abc'));
    expect((await run(() => new operators.put('t', { bucket: 'first', key: 'day-1/part one.json', content: { rows: [1] }, contentType: 'application/json' }))).result).toBe(`${scheme}://first/day-1/part one.json`);
    await run(() => new operators.put('t', { bucket: 'first', key: 'day-1/ä.txt', content: 'plain' }));
    await run(() => new operators.put('t', { bucket: 'first', key: 'day-2/large.bin', file }));
    expect((await run(() => new operators.list('t', { bucket: 'first' }))).result).toEqual(['day-1/part one.json', 'day-1/ä.txt', 'day-2/large.bin']);
    expect((await run(() => new operators.list('t', { bucket: 'first', prefix: 'day-1/' }))).result).toHaveLength(2);
    expect((await run(() => new operators.list('t', { bucket: 'first', maxKeys: 2 }))).error?.message).toMatch(/more than 2 objects below/);
    expect((await run(() => new operators.get('t', { bucket: 'first', key: 'day-1/part one.json' }))).result).toBe('{"rows":[1]}');
    const copy = join(folder, 'copy.bin');
    expect((await run(() => new operators.get('t', { bucket: 'first', key: 'day-2/large.bin', file: copy }))).result).toEqual({ file: copy, bytes: 3_000_000 });
    expect(readFileSync(copy).equals(readFileSync(file))).toBe(true);
    expect((await run(() => new operators.copy('t', { bucket: 'first', key: 'day-1/ä.txt', destinationBucket: 'second', destinationKey: 'kept/ö.txt' }))).result).toBe(`${scheme}://second/kept/ö.txt`);
    expect((await run(() => new operators.get('t', { bucket: 'second', key: 'kept/ö.txt' }))).result).toBe('plain');
    expect((await run(() => new operators.delete('t', { bucket: 'first', prefix: 'day-1/' }))).result).toBe(2);
    expect((await run(() => new operators.delete('t', { bucket: 'first', keys: ['day-1/ä.txt', 'never'] }))).error).toBeNull();
    expect((await run(() => new operators.list('t', { bucket: 'first' }))).result).toEqual(['day-2/large.bin']);
  });

  it('says which object is not there, is too large, or is there already', async () => {
    expect((await run(() => new operators.get('t', { bucket: 'first', key: 'gone.txt' }))).error?.message).toBe(`${scheme}://first/gone.txt: there is no such object`);
    const file = join(folder, 'gone.txt');
    expect((await run(() => new operators.get('t', { bucket: 'first', key: 'gone.txt', file }))).error?.message).toMatch(/there is no such object/);
    expect(existsSync(file)).toBe(false);
    expect((await run(() => new operators.get('t', { bucket: 'first', key: 'day-2/large.bin' }))).error?.message).toMatch(/larger than 1000000 bytes; let file name where it goes/);
    expect((await run(() => new operators.put('t', { bucket: 'first', key: 'day-2/large.bin', content: 'x', replace: false }))).error?.message).toMatch(/is there already/);
    expect((await run(() => new operators.put('t', { bucket: 'first', key: 'x', file: join(folder, 'no-such-file') }))).error?.message).toMatch(/ENOENT/);
    expect((await run(() => new operators.put('t', { bucket: 'no-such-bucket', key: 'x', content: 'x' }))).error?.message).toMatch(/bucket/i);
    expect((await run(() => new operators.copy('t', { bucket: 'first', key: 'gone', destinationKey: 'x' }))).error?.message).toMatch(/gone: there is no such object/);
  });

  it('waits for a key or a pattern', async () => {
    const look = (key: string, minObjects = 1) => run(() => new operators.sensor('t', { bucket: 'second', key, minObjects, pokeInterval: 0.01, timeout: 0.03 }));
    await run(() => new operators.put('t', { bucket: 'second', key: 'in/deep/a.csv', content: 'a' }));
    expect((await look('in/*.csv')).result).toMatchObject([{ key: 'in/deep/a.csv', size: 1 }]);
    expect((await look('in/deep/a.csv')).result).toMatchObject([{ key: 'in/deep/a.csv' }]);
    expect((await look('in/b.csv')).error?.millrace).toBe('fail');
    expect((await look('in/*.csv', 2)).error?.millrace).toBe('fail');
  });

  it.each<[operator: 'put' | 'delete' | 'list', options: any, says: RegExp]>([
    ['list', {}, /bucket must be a text/],
    ['put', { bucket: 'b', key: 'k' }, /give either file or content/],
    ['delete', { bucket: 'b' }, /give either keys or prefix/],
    ['delete', { bucket: 'b', prefix: '' }, /prefix must be a text that is not empty/],
  ])('%s of %j is refused where it is made', async (operator, options, says) => {
    await expect(run(() => new operators[operator]('t', options))).rejects.toThrow(says);
  });
});
