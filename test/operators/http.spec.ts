import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HttpOperator, HttpSensor, SlackNotifier, SlackPostOperator, SlackWebhookOperator, WebhookNotifier, WebhookOperator } from '@millrace/operators';
import { sensed } from '@millrace/sdk';
import type { CallbackContext } from '@millrace/sdk';
import { createHmac } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { httpServer, json } from './http-server.js';
import type { HttpServer } from './http-server.js';
import { contextFor, runOperator } from './run-operator.js';
import type { ConnectionFields } from './run-operator.js';

let server: HttpServer;
let folder: string;
let looks = 0;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-http-'));
  server = await httpServer(({ path, body, headers, method }, response) => {
    const { pathname } = new URL(path, 'http://x');
    const status = /^\/status\/(\d+)$/.exec(pathname)?.[1];
    if (status !== undefined) return response.writeHead(Number(status)).end('the reason why');
    if (pathname === '/echo') return json(response, 200, { method, path, body, authorization: headers.authorization ?? null, agent: headers['x-agent'] ?? null, type: headers['content-type'] ?? null });
    if (pathname === '/text') return response.end('plain words');
    if (pathname === '/broken') return response.writeHead(200, { 'content-type': 'application/json' }).end('{"half":');
    if (pathname === '/large') return response.end('x'.repeat(100_000));
    if (pathname === '/slow') return undefined;
    if (pathname === '/job') return json(response, 200, { done: ++looks % 3 === 0, rows: 7 });
    if (pathname === '/services/T1/B1/secretpath') return response.end('ok');
    if (pathname === '/chat.postMessage') return json(response, 200, JSON.parse(body).channel === '#gone' ? { ok: false, error: 'channel_not_found' } : { ok: true, channel: 'C42', ts: '1700000000.000100' });
    return response.writeHead(404).end('nothing here');
  });
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

const connections = (): Record<string, ConnectionFields> => ({
  web: { connType: 'http', host: '127.0.0.1', port: server.port, login: 'ada', password: 'pw', extra: { headers: { 'x-agent': 'from the connection' } } },
  bearer: { connType: 'http', host: server.url, password: 'token-1' },
  hook: { connType: 'slackwebhook', host: `${server.url}/services`, password: 'T1/B1/secretpath' },
  bot: { connType: 'slack', host: server.url, password: 'xoxb-1' },
  signed: { connType: 'http', host: server.url, extra: { webhook_secret: 'shared' } },
});
const http = (options: ConstructorParameters<typeof HttpOperator>[1]) => runOperator(() => new HttpOperator('t', options), connections());

describe('HttpOperator', () => {
  it('sends JSON with the credentials and headers of its connection', async () => {
    const { result } = await http({ url: '/echo', query: { day: '2026-05-23', odd: 'a&b' }, body: { n: 1 }, connectionId: 'web' });
    expect(result).toEqual({ method: 'POST', path: '/echo?day=2026-05-23&odd=a%26b', body: '{"n":1}', authorization: `Basic ${Buffer.from('ada:pw').toString('base64')}`, agent: 'from the connection', type: 'application/json' });
    expect((await http({ url: 'echo', connectionId: 'bearer', headers: { 'x-agent': 'own' } })).result).toMatchObject({ method: 'GET', authorization: 'Bearer token-1', agent: 'own' });
    expect((await http({ url: `${server.url}/text` })).result).toBe('plain words');
  });

  it.each<[status: number, retryStatuses: number[] | undefined, millrace: string | undefined]>([[503, undefined, undefined], [503, [429, 503], undefined], [400, [429, 503], 'fail']])('status %i with retryStatuses %j', async (status, retryStatuses, millrace) => {
    const { error } = await http({ url: `${server.url}/status/${status}`, ...(retryStatuses === undefined ? {} : { retryStatuses }) });
    expect(error?.message).toMatch(new RegExp(`answered ${status}: the reason why`));
    expect([error?.millrace, error?.code]).toEqual([millrace, millrace === undefined ? `HTTP_${status}` : undefined]);
  });

  it('checks and filters the answer', async () => {
    expect((await http({ url: `${server.url}/echo`, responseCheck: (response) => response.status === 201 })).error?.message).toMatch(/did not pass responseCheck/);
    expect((await http({ url: `${server.url}/echo`, responseFilter: (response) => (response.json() as { method: string }).method })).result).toBe('GET');
    expect((await http({ url: `${server.url}/broken` })).error?.message).toMatch(/did not answer JSON: \{"half":/);
  });

  it('keeps a body below its limit, or in a file', async () => {
    expect((await http({ url: `${server.url}/large`, maxBodyBytes: 1_000 })).error?.message).toMatch(/more than 1000 bytes; raise maxBodyBytes, or let saveTo/);
    const file = join(folder, 'large.txt');
    expect((await http({ url: `${server.url}/large`, saveTo: file })).result).toEqual({ file, bytes: 100_000 });
    expect(readFileSync(file, 'utf8')).toHaveLength(100_000);
    const half = join(folder, 'half.txt');
    expect((await http({ url: `${server.url}/large`, saveTo: half, maxBodyBytes: 70_000 })).error?.message).toMatch(/more than 70000 bytes/);
    expect(existsSync(half)).toBe(false);
  });

  it('says who did not answer, and repeats no secret of an address', async () => {
    expect((await http({ url: `${server.url}/slow?key=hidden`, requestTimeoutSeconds: 0.2 })).error?.message).toMatch(/^GET http:\/\/127.0.0.1:\d+\/slow did not answer within 0.2 s$/);
    const { error } = await http({ url: 'http://127.0.0.1:1/x' });
    expect(error?.message).toMatch(/GET http:\/\/127\.0\.0\.1:1\/x could not be sent/);
    expect((await http({ url: '/echo' })).error?.message).toMatch(/"\/echo" is no absolute URL, and there is no connection/);
  });

  it.each<[options: any, says: RegExp]>([
    [{}, /task "t": url must be a text that is not empty, got nothing/],
    [{ url: 'http://x', method: 'get', body: {} }, /a GET request has no body/],
    [{ url: 'http://x', headers: { a: 1 } }, /headers.a must be a text, got 1/],
    [{ url: 'http://x', retryStatuses: [1_000] }, /retryStatuses must hold HTTP statuses, got 1000/],
    [{ url: 'http://x', requestTimeoutSeconds: 0 }, /requestTimeoutSeconds must be a number above 0, got 0/],
    [{ url: 'http://x', responseCheck: true }, /responseCheck must be a function, got true/],
  ])('%j is refused where it is made', async (options, says) => {
    await expect(http(options)).rejects.toThrow(says);
  });
});

describe('HttpSensor', () => {
  const sense = (options: object) => runOperator(() => new HttpSensor('t', { url: '/job', connectionId: 'bearer', pokeInterval: 0.01, timeout: 30, ...options }), connections());

  it('looks until the check is content, and returns what it sensed', async () => {
    expect((await sense({ responseCheck: (response: any) => (response.json().done ? sensed(response.json().rows) : false) })).result).toBe(7);
  });

  it('takes 404 as "not yet" and other refusals as failures', async () => {
    expect((await sense({ url: '/nowhere', timeout: 0.05 })).error?.message).toMatch(/not there after/);
    expect((await sense({ url: '/status/500' })).error).toMatchObject({ code: 'HTTP_500' });
    expect((await sense({ url: '/status/500', notYetStatuses: [500], timeout: 0.05 })).error?.message).toMatch(/not there after/);
  });
});

const happened = (): CallbackContext => ({ ...contextFor(connections()).context, callback: { id: 'c-1', on: 'failure', reason: 'boom', state: 'failed', deadline: null } }) as CallbackContext;
const lastSeen = (): { path: string; body: any; headers: any } => {
  const last = server.seen.at(-1);
  return { path: last?.path ?? '', body: JSON.parse(last?.body ?? 'null'), headers: last?.headers };
};

describe('messages', () => {
  it('SlackWebhookOperator sends to the path that is its secret, and does not log it', async () => {
    const ran = await runOperator(() => new SlackWebhookOperator('t', { text: 'hello', blocks: [{ type: 'divider' }], connectionId: 'hook' }), connections());
    expect(ran.error).toBeNull();
    expect(lastSeen()).toMatchObject({ path: '/services/T1/B1/secretpath', body: { text: 'hello', blocks: [{ type: 'divider' }] } });
    expect(ran.log.join()).not.toContain('secretpath');
    const refused = await runOperator(() => new SlackWebhookOperator('t', { text: 'x', connectionId: 'hook' }), { hook: { connType: 'slackwebhook', host: `${server.url}/services`, password: 'T1/B1/other-secret' } });
    expect(refused.error?.message).toBe('Slack refused the message: 404 nothing here');
  });

  it('SlackPostOperator posts with the bot token, and gives what later messages answer', async () => {
    const ran = await runOperator(() => new SlackPostOperator('t', { channel: '#data', text: 'done', threadTs: '1.2', connectionId: 'bot' }), connections());
    expect(ran.result).toEqual({ channel: 'C42', ts: '1700000000.000100' });
    expect(lastSeen()).toMatchObject({ path: '/chat.postMessage', body: { channel: '#data', text: 'done', thread_ts: '1.2' }, headers: { authorization: 'Bearer xoxb-1' } });
    expect((await runOperator(() => new SlackPostOperator('t', { channel: '#gone', text: 'x', connectionId: 'bot' }), connections())).error?.message).toBe("Slack's chat.postMessage refused: channel_not_found");
  });

  it('WebhookOperator signs what it sends, with a key that stays the same in another try', async () => {
    const send = () => runOperator(() => new WebhookOperator('t', { url: '/echo', payload: { day: '2026-05-23' }, connectionId: 'signed' }), connections(), { tryNumber: 2 });
    expect((await send()).result).toMatchObject({ method: 'POST', body: '{"day":"2026-05-23"}' });
    const { headers } = lastSeen();
    expect(headers['x-millrace-signature']).toBe(`sha256=${createHmac('sha256', 'shared').update('{"day":"2026-05-23"}').digest('hex')}`);
    expect(headers['idempotency-key']).toBe('test/r/t/');
  });

  it('notifiers tell what happened', async () => {
    await new SlackNotifier({ connectionId: 'hook' }).notify(happened());
    expect(lastSeen().body.text).toBe('failure: test.t, run r, try 1\n> boom');
    await new SlackNotifier({ channel: '#data', connectionId: 'bot', text: ({ callback }) => `bad: ${callback.reason}` }).notify(happened());
    expect(lastSeen().body).toMatchObject({ channel: '#data', text: 'bad: boom' });
    await new WebhookNotifier({ url: '/echo', connectionId: 'signed' }).notify(happened());
    expect(lastSeen()).toMatchObject({ headers: { 'idempotency-key': 'c-1' }, body: { id: 'c-1', on: 'failure', reason: 'boom', dag_id: 'test', task_id: 't', run_id: 'r', try_number: 1 } });
  });
});
