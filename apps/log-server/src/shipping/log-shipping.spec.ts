import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { openObjectStore, readStoredLog } from '@millrace/object-store';
import type { ObjectStore } from '@millrace/object-store';
import { formatEndLine, logPathOf, readLog } from '@millrace/task-logs';
import type { LogRange } from '@millrace/task-logs';
import type { Logger } from '@millrace/telemetry';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LogRetention } from '../retention/log-retention.js';
import { receiptPathOf } from './log-files.js';
import { LogShipper } from './log-shipper.js';

const silent: Logger = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };
const internalToken = 't'.repeat(32);
const logPath = logPathOf({ dagId: 'etl', runId: 'manual__2026-11-23T07:22:10+00:00', taskId: 'load', indexPath: [2, 5], tryNumber: 1 });
const line = (atMs: number, text: string): string => `[${new Date(atMs).toISOString().slice(0, -1)}+0000] {task} INFO - ${text}\n`;
const end = formatEndLine(9, 'success');

let root: string;
let store: ObjectStore;
beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'millrace-shipping-'));
  store = await openObjectStore(pathToFileURL(join(root, 'store')).href);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const observed = { shipped: 0, failed: 0, lag: 0 };
function shipperOf(folder: string, to: ObjectStore = store, silentMs = 60_000): LogShipper {
  return new LogShipper(to, { folder: join(root, folder), everyMs: 1_000, silentMs }, { shipped: () => void observed.shipped++, failed: () => void observed.failed++, lag: (ms) => void (observed.lag = ms) }, silent);
}

function put(folder: string, text: string, ageMs = 0): string {
  const file = join(root, folder, logPath);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  const at = new Date(Date.now() - ageMs);
  utimesSync(file, at, at);
  return file;
}

async function stored(offset = 0, limit = Number.POSITIVE_INFINITY): Promise<string | null> {
  const log = await readStoredLog(store, logPath, { offset, limit });
  if (log === null) return null;
  let text = '';
  for await (const chunk of log.chunks) text += Buffer.from(chunk).toString();
  return text;
}

describe('shipping', () => {
  it('puts an ended log into the store once, and a log that goes on not yet', async () => {
    const shipper = shipperOf('a');
    const file = put('a', line(1, 'begin'));
    expect(await shipper.once()).toEqual({ shipped: 0, failed: 0, waiting: 1 });
    appendFileSync(file, end);
    expect(await shipper.once()).toEqual({ shipped: 1, failed: 0, waiting: 0 });
    expect(await stored()).toBe(line(1, 'begin') + end);
    expect(await shipper.once()).toEqual({ shipped: 0, failed: 0, waiting: 0 });
    expect(await shipperOf('a').once()).toEqual({ shipped: 0, failed: 0, waiting: 0 });
  });

  it('puts a log without an end there when nothing was added for long: its worker was killed', async () => {
    put('a', line(1, 'begin'), 61_000);
    expect(await shipperOf('a').once()).toMatchObject({ shipped: 1 });
    expect(await stored()).toBe(line(1, 'begin'));
  });

  it('ships again what has grown since: a deferred try went on here', async () => {
    const file = put('a', line(1, 'begin'), 61_000);
    await shipperOf('a').once();
    appendFileSync(file, end);
    expect(await shipperOf('a').once()).toMatchObject({ shipped: 1 });
    expect(await stored()).toBe(line(1, 'begin') + end);
  });

  it('joins the parts of a try that went on elsewhere, in the order of time; two servers of one folder do not double it', async () => {
    put('late', line(5_000, 'second half') + end);
    put('early', line(1_000, 'first half'), 61_000);
    await shipperOf('late').once();
    await shipperOf('early').once();
    rmSync(join(root, 'late', receiptPathOf(logPath)));
    await shipperOf('late').once();
    const whole = line(1_000, 'first half') + line(5_000, 'second half') + end;
    expect(await stored()).toBe(whole);
    expect(await stored(10, 60)).toBe(whole.slice(10, 70));
    expect(await stored(whole.length - 3)).toBe(whole.slice(-3));
  });

  it('survives a crash between upload and receipt: shipped again, nothing doubled', async () => {
    put('a', line(1, 'begin') + end);
    const shipper = shipperOf('a');
    const crashed = new Error('killed');
    const put1 = store.putFile.bind(store);
    store.putFile = async (key, path) => {
      await put1(key, path);
      throw crashed;
    };
    expect(await shipper.once()).toMatchObject({ shipped: 0, failed: 1 });
    expect(existsSync(join(root, 'a', receiptPathOf(logPath)))).toBe(false);
    store.putFile = put1;
    expect(await shipper.once()).toMatchObject({ shipped: 1 });
    expect(await stored()).toBe(line(1, 'begin') + end);
  });

  it('counts failures and how far it is behind while the store is away, and catches up', async () => {
    put('a', line(1, 'begin') + end, 30_000);
    const away = await openObjectStore('s3://b/x?region=eu-central-1&path_style=true&endpoint=http%3A%2F%2F127.0.0.1%3A1');
    process.env['AWS_ACCESS_KEY_ID'] ??= 'x';
    process.env['AWS_SECRET_ACCESS_KEY'] ??= 'y';
    const before = observed.failed;
    expect(await shipperOf('a', away).once()).toMatchObject({ shipped: 0, failed: 1 });
    await away.close();
    expect(observed.failed).toBe(before + 1);
    expect(observed.lag).toBeGreaterThanOrEqual(30_000);
    expect(await shipperOf('a').once()).toMatchObject({ shipped: 1 });
    expect(observed.lag).toBe(0);
  });
});

describe('retention', () => {
  const hour = 3_600_000;
  const of = (to: ObjectStore | null, storeMs = 0): LogRetention => new LogRetention(to, { folder: join(root, 'a'), everyMs: 1_000, localMs: hour, storeMs }, silent);

  it('removes an old log from the disk only when the store has all of it, with the folders that are empty then', async () => {
    const file = put('a', line(1, 'begin') + end, 2 * hour);
    expect(await of(store).fromDisk()).toBe(0);
    await shipperOf('a').once();
    expect(await of(store).fromDisk()).toBe(1);
    expect(existsSync(file)).toBe(false);
    expect(readdirSync(join(root, 'a'))).toEqual([]);
    expect(await stored()).toBe(line(1, 'begin') + end);
  });

  it('keeps a log whose object somebody deleted, and ships it again', async () => {
    const file = put('a', line(1, 'begin') + end, 2 * hour);
    await shipperOf('a').once();
    rmSync(join(root, 'store'), { recursive: true });
    expect(await of(store).fromDisk()).toBe(0);
    expect(readFileSync(file, 'utf8')).toContain('begin');
    expect(await shipperOf('a').once()).toMatchObject({ shipped: 1 });
  });

  it('keeps what is young; without a store age alone counts', async () => {
    put('a', line(1, 'begin') + end, hour / 2);
    expect(await of(null).fromDisk()).toBe(0);
    put('a', line(1, 'begin') + end, 2 * hour);
    expect(await of(null).fromDisk()).toBe(1);
  });

  it('removes from the store what is older than its days', async () => {
    put('a', line(1, 'begin') + end);
    await shipperOf('a').once();
    expect(await of(store, hour).fromStore()).toBe(0);
    for await (const { key } of store.list('')) utimesSync(join(root, 'store', key), new Date(0), new Date(0));
    expect(await of(store, hour).fromStore()).toBe(1);
    expect(await stored()).toBeNull();
  });
});

it('a log is read from the store when no host has it, each step said; before hosts when its worker is gone', async () => {
  put('a', line(1, 'begin') + end);
  await shipperOf('a').once();
  const logs = { url: store.url, read: (path: string, range: LogRange) => readStoredLog(store, path, range) };
  const read = async (isGone: boolean): Promise<{ source: string; text: string; messages: readonly string[] }> => {
    const reading = await readLog({ logPath, worker: { host: '127.0.0.1', port: 1, isGone } }, { folder: join(root, 'elsewhere'), logServerUrls: ['http://127.0.0.1:1'], internalToken, store: logs });
    let text = '';
    for await (const chunk of reading.chunks) text += Buffer.from(chunk).toString();
    return { source: reading.source, text, messages: reading.messages };
  };
  const there = await read(false);
  expect([there.source, there.text]).toEqual(['store', line(1, 'begin') + end]);
  expect(there.messages.map((message) => message.split(':')[0])).toEqual(["*** Log file isn't local", '*** Fetching here', '*** Failed to fetch log file from worker', '*** Fetching from log-server', '*** Failed to fetch log file from log-server', '*** Reading from the log store']);
  expect((await read(true)).messages.length).toBe(2);
  // The end alone, over the seam of two hosts' parts.
  put('b', line(2, 'resumed') + end);
  await shipperOf('b').once();
  const tail = await readStoredLog(store, logPath, { last: end.length + line(2, 'resumed').length + end.length + 3 });
  let text = '';
  for await (const chunk of tail!.chunks) text += Buffer.from(chunk).toString();
  expect([text, tail!.offset]).toEqual([`${(line(1, 'begin') + end).slice(-end.length - 3)}${line(2, 'resumed')}${end}`, line(1, 'begin').length - 3]);
});
