import { execFileSync } from 'node:child_process';
import { appendFileSync, linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { RequestListener, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SignJWT } from 'jose';
import { formatEndLine, formatLine } from './line-format.js';
import { createLogReadHandler } from './log-read-handler.js';
import { signLogRead } from './log-read-token.js';
import { logPathOf, logUrlPath } from './log-path.js';
import { readLog } from './read-log.js';
import type { LogRange, ReadLogOptions } from './read-log.js';

const internalToken = 'i'.repeat(40);
const logPath = logPathOf({ dagId: 'etl', runId: 'r1', taskId: 'load', indexPath: [], tryNumber: 1 });
const otherPath = logPathOf({ dagId: 'etl', runId: 'r1', taskId: 'load', indexPath: [], tryNumber: 2 });
const end = formatEndLine(0, 'success');
let root: string;
let servers: Server[] = [];

beforeEach(() => void (root = mkdtempSync(join(tmpdir(), 'millrace-logs-'))));
afterEach(() => {
  for (const server of servers) { server.closeAllConnections(); server.close(); }
  servers = [];
  rmSync(root, { recursive: true, force: true });
});

function put(path: string, text: string | Buffer, folder = root): string {
  const file = join(folder, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  return file;
}

async function listen(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function logPort(folder = root): Promise<string> {
  let address = '';
  const handle = createLogReadHandler({ folder, internalToken, audiences: () => [address], pollMs: 20 });
  address = await listen((request, response) => void handle(request, response).then((handled) => { if (!handled) { response.statusCode = 404; response.end(); } }));
  return address;
}

async function get(address: string, path = logPath, init: { query?: string; range?: string; token?: string | null; raw?: string } = {}): Promise<Response> {
  const token = init.token === undefined ? await signLogRead(internalToken, { logPath: path, audience: address }) : init.token;
  return fetch(`http://${address}${init.raw ?? logUrlPath(path)}${init.query ?? ''}`, {
    headers: { ...(token === null ? {} : { authorization: `Bearer ${token}` }), ...(init.range === undefined ? {} : { range: init.range }) },
  });
}

describe('the log port', () => {
  it('gives a log, from an offset, and by range', async () => {
    put(logPath, `0123456789\n${end}`);
    const address = await logPort();
    const whole = await get(address);
    expect([whole.status, whole.headers.get('x-millrace-log-ended'), await whole.text()]).toEqual([200, 'true', `0123456789\n${end}`]);
    expect(await (await get(address, logPath, { query: '?offset=4&limit=3' })).text()).toBe('456');
    expect(await (await get(address, logPath, { query: '?offset=99999' })).text()).toBe('');
    const part = await get(address, logPath, { range: 'bytes=2-4' });
    expect([part.status, part.headers.get('content-range'), await part.text()]).toEqual([206, `bytes 2-4/${11 + end.length}`, '234']);
    expect((await (await get(address, logPath, { range: 'bytes=-5' })).text()).length).toBe(5);
    expect((await get(address, logPath, { range: 'bytes=9999-' })).status).toBe(416);
    expect((await get(address, logPath, { range: 'bytes=0-1,3-4' })).status).toBe(416);
    expect((await get(address, logPath, { query: '?offset=-1' })).status).toBe(400);
  });

  it('refuses no token, a forged, expired, long-lived, other file’s and other server’s one', async () => {
    put(logPath, 'x');
    const address = await logPort();
    const made = (claims: object, seconds: number, issuedAgo = 0, key = internalToken): Promise<string> => {
      const now = Math.floor(Date.now() / 1_000) - issuedAgo;
      return new SignJWT({ file: logPath, ...claims }).setProtectedHeader({ alg: 'HS256', typ: 'millrace-log+jwt' }).setIssuer('millrace').setAudience(address)
        .setIssuedAt(now).setExpirationTime(now + seconds).sign(new TextEncoder().encode(key));
    };
    const unsigned = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${Buffer.from(JSON.stringify({ file: logPath, aud: address })).toString('base64url')}.`;
    for (const token of [
      null, 'rubbish', unsigned, await made({}, 30, 0, 'f'.repeat(40)), await made({}, 30, 60), await made({}, 3_600), await made({ file: otherPath }, 30),
      await signLogRead(internalToken, { logPath: otherPath, audience: address }), await signLogRead(internalToken, { logPath, audience: '127.0.0.1:1' }),
    ]) expect((await get(address, logPath, { token })).status, String(token)).toBe(401);
    expect((await get(address, logPath, { token: await made({}, 30) })).status).toBe(200);
    // Without a token a missing log looks like any other.
    expect((await get(address, otherPath, { token: null })).status).toBe(401);
    expect((await get(address, otherPath)).status).toBe(404);
    expect((await get(address, logPath, { raw: '/log/dag_id=etl/run_id=%2e%2e/task_id=x/attempt=1.log' })).status).toBe(400);
    expect((await get(address, logPath, { raw: '/health' })).status).toBe(404);
  });

  it('opens no link, no second name, no folder, no pipe', async () => {
    const address = await logPort();
    const secret = put('secret.txt', 'secret', mkdtempSync(join(root, 'out-')));
    const at = (tryNumber: number): string => logPathOf({ dagId: 'etl', runId: 'r1', taskId: 'bad', indexPath: [], tryNumber });
    mkdirSync(join(root, dirname(at(1))), { recursive: true });
    symlinkSync(secret, join(root, at(1)));
    linkSync(secret, join(root, at(2)));
    mkdirSync(join(root, at(3)));
    execFileSync('mkfifo', [join(root, at(4))]);
    for (const n of [1, 2, 3, 4]) expect((await get(address, at(n))).status, at(n)).toBe(403);
    symlinkSync(dirname(join(root, at(1))), join(root, 'dag_id=link'));
    symlinkSync(dirname(secret), join(root, 'dag_id=etl/run_id=linked'));
    put('task_id=x/attempt=1.log', 'secret', dirname(secret));
    expect((await get(address, logPathOf({ dagId: 'etl', runId: 'linked', taskId: 'x', indexPath: [], tryNumber: 1 }))).status).toBe(403);
  });

  it('follows until the end line', async () => {
    const file = put(logPath, 'one\n');
    const response = await get(await logPort(), logPath, { query: '?follow=1' });
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    let text = '';
    while (true) {
      const { done, value } = await reader.read();
      if (done) break;
      text += Buffer.from(value).toString();
      if (text === 'one\n') appendFileSync(file, 'two\n');
      if (text === 'one\ntwo\n') appendFileSync(file, end);
    }
    expect(text).toBe(`one\ntwo\n${end}`);
  });

  it('serves a sparse 3 GB log by range', async () => {
    const file = put(logPath, '');
    execFileSync('truncate', ['-s', '3G', file]);
    appendFileSync(file, 'tail');
    expect(await (await get(await logPort(), logPath, { range: 'bytes=3221225472-' })).text()).toBe('tail');
  });
});

describe('readLog', () => {
  const options = (more: Partial<ReadLogOptions> = {}): ReadLogOptions => ({ folder: join(root, 'here'), logServerUrls: [], internalToken, headersTimeoutMs: 2_000, idleTimeoutMs: 2_000, pollMs: 20, ...more });
  const workerAt = (address: string): { host: string; port: number } => ({ host: address.split(':')[0] as string, port: Number(address.split(':')[1]) });
  async function drain(chunks: AsyncIterable<Uint8Array>): Promise<string> {
    const all: Uint8Array[] = [];
    for await (const chunk of chunks) all.push(chunk);
    return Buffer.concat(all).toString();
  }

  it('prefers the local file', async () => {
    put(logPath, `abc\n${end}`);
    const reading = await readLog({ logPath, worker: { host: '127.0.0.1', port: 1 } }, options({ folder: root, offset: 1 }));
    expect([reading.source, await drain(reading.chunks), reading.nextOffset, reading.ended]).toEqual(['local', `bc\n${end}`, 4 + end.length, true]);
  });

  it.each(['local', 'worker', 'store'])('reads the last bytes of a %s log, and says where they begin', async (where) => {
    const text = `0123456789\n${end}`;
    const size = text.length;
    if (where !== 'store') put(logPath, text);
    const store = {
      url: 's3://logs',
      read: async (_: string, range: LogRange) => (where === 'store' && 'last' in range ? { offset: size - range.last, size, chunks: (async function* () { yield Buffer.from(text).subarray(-range.last); })() } : null),
    };
    const worker = workerAt(await logPort());
    const reading = await readLog({ logPath, worker }, options({ folder: where === 'local' ? root : join(root, 'here'), store, last: end.length + 3 }));
    expect([reading.source, reading.firstOffset, reading.size, await drain(reading.chunks), reading.nextOffset, reading.ended]).toEqual([where, 8, size, `89\n${end}`, size, true]);
  });

  it.each(['local', 'worker'])('reads what there is when a %s log is shorter than its last bytes, or empty', async (where) => {
    for (const text of ['abc', '']) {
      put(logPath, text);
      const reading = await readLog({ logPath, worker: workerAt(await logPort()) }, options({ folder: where === 'local' ? root : join(root, 'here'), last: 100 }));
      expect([reading.source, reading.firstOffset, reading.size, await drain(reading.chunks)]).toEqual([where, 0, text.length, text]);
    }
  });

  it('goes on with the next source within the last bytes when a worker dies midway', async () => {
    put(logPath, '0123456789');
    const dying = await listen((_request, response) => { response.writeHead(206, { 'content-length': '6', 'content-range': 'bytes 4-9/10' }).write('45', () => response.destroy()); });
    const reading = await readLog({ logPath, worker: workerAt(dying) }, options({ logServerUrls: [`http://${await logPort()}`], last: 6 }));
    expect([await drain(reading.chunks), reading.firstOffset, reading.nextOffset]).toEqual(['456789', 4, 10]);
  });

  it('does not read a whole log from who does not know of last bytes', async () => {
    const old = await listen((_request, response) => response.end('everything'));
    const reading = await readLog({ logPath, worker: workerAt(old) }, options({ last: 3 }));
    expect([reading.source, reading.messages.join('\n')]).toEqual(['none', expect.stringContaining('the whole log where its end was asked for')]);
  });

  it('goes to the worker, then to the log-servers, and says each step', async () => {
    put(logPath, 'from elsewhere\n');
    const dead = await listen((_request, response) => { response.statusCode = 503; response.end('{"detail":"draining"}'); });
    const redirecting = await listen((_request, response) => { response.statusCode = 302; response.setHeader('location', 'http://169.254.169.254/'); response.end(); });
    const live = await logPort();
    const reading = await readLog({ logPath, worker: workerAt(dead) }, options({ logServerUrls: [`http://${redirecting}`, 'http://169.254.169.254', `http://${live}`] }));
    expect(reading.source).toBe('log-server');
    expect(await drain(reading.chunks)).toBe('from elsewhere\n');
    expect(reading.messages.map((line) => line.replace(/ \(.*/, ''))).toEqual([
      `*** Log file isn't local: ${join(root, 'here', logPath)}`,
      `*** Fetching here: http://${dead}/log/${logPath}`,
      '*** Failed to fetch log file from worker: 503 Service Unavailable: draining',
      `*** Fetching from log-server: http://${redirecting}/log/${logPath}`,
      '*** Failed to fetch log file from log-server: 302 Found',
      `*** Fetching from log-server: http://169.254.169.254/log/${logPath}`,
      '*** Failed to fetch log file from log-server: 169.254.169.254 is a link-local address; logs are not read from there',
      `*** Fetching from log-server: http://${live}/log/${logPath}`,
    ]);
  });

  it('says who has nothing', async () => {
    const reading = await readLog({ logPath, worker: { host: '127.0.0.1', port: 1 } }, options());
    expect([reading.source, await drain(reading.chunks)]).toEqual(['none', '']);
    expect(reading.messages.join('\n')).toMatch(/isn't local[^]*Fetching here[^]*Failed to fetch log file from worker: .*ECONNREFUSED/);
  });

  it('gives up on a worker that does not answer', async () => {
    const mute = await listen(() => {});
    const reading = await readLog({ logPath, worker: workerAt(mute) }, options({ headersTimeoutMs: 50 }));
    expect(reading.messages.join('\n')).toMatch(/no answer within 50 ms/);
  });

  it('goes on with the next source at the byte reached when a worker dies midway', async () => {
    put(logPath, `0123456789\n${end}`);
    const dying = await listen((_request, response) => { response.setHeader('content-length', '100'); response.write('0123', () => response.destroy()); });
    const reading = await readLog({ logPath, worker: workerAt(dying) }, options({ logServerUrls: [`http://${await logPort()}`] }));
    expect(await drain(reading.chunks)).toBe(`0123456789\n${end}`);
    expect(reading.messages.join('\n')).toMatch(/broke off at byte 4/);
  });

  it.each(['local', 'worker'])('follows a %s log to its end line, and without one until the try is finished', async (where) => {
    const file = put(logPath, 'a\n');
    const location = { logPath, worker: workerAt(await logPort()) };
    for (const last of [formatLine(0, 'x', 'INFO', 'last'), end]) {
      let finished = false;
      const reading = await readLog(location, options({ folder: where === 'local' ? root : join(root, 'here'), follow: true, isFinished: () => finished }));
      expect(reading.source).toBe(where);
      let text = '';
      for await (const chunk of reading.chunks) {
        text += Buffer.from(chunk).toString();
        if (text.endsWith('a\n')) { appendFileSync(file, last); finished = last !== end; }
      }
      expect(text.endsWith(last)).toBe(true);
      expect(reading.ended).toBe(last === end);
      writeFileSync(file, 'a\n');
    }
  });

  it('stops following when told', async () => {
    put(logPath, 'a\n');
    const stop = new AbortController();
    const reading = await readLog({ logPath, worker: workerAt(await logPort()) }, options({ follow: true, isFinished: () => false, signal: stop.signal }));
    let text = '';
    for await (const chunk of reading.chunks) { text += Buffer.from(chunk).toString(); stop.abort(); }
    expect(text).toBe('a\n');
  });
});
