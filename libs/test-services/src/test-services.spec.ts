import { connect } from 'amqplib';
import { Redis } from 'ioredis';
import { readFile } from 'node:fs/promises';
import pg from 'pg';
import { describe, expect, it } from 'vitest';
import { ageOfTestName, freePort, startProcess, testDatabase, testName, testRedis, testVirtualHost, waitFor } from './index.js';

describe('testDatabase', () => {
  it('is empty, its own, and gone afterwards even with somebody connected', async () => {
    const databases = await Promise.all([testDatabase(), testDatabase()]);
    expect(new Set(databases.map((one) => one.name)).size).toBe(2);
    const [first] = databases;
    const client = new pg.Client({ connectionString: first.url });
    const lost = new Promise<unknown>((resolve) => client.on('error', resolve));
    await client.connect();
    expect((await client.query('SELECT current_database() AS name')).rows).toEqual([{ name: first.name }]);
    await Promise.all(databases.map((one) => one[Symbol.asyncDispose]()));
    expect(String(await lost)).toContain('terminat');
    await expect(new pg.Client({ connectionString: first.url }).connect()).rejects.toThrow('does not exist');
  });

  it('copies a template', async () => {
    await using template = await testDatabase();
    const client = new pg.Client({ connectionString: template.url });
    await client.connect();
    await client.query('CREATE TABLE kept (a int)');
    await client.end();
    await using copy = await testDatabase({ template: template.name });
    const reader = new pg.Client({ connectionString: copy.url });
    await reader.connect();
    expect((await reader.query('SELECT * FROM kept')).rows).toEqual([]);
    await reader.end();
  });
});

describe('testVirtualHost', () => {
  it('takes a connection, and hosts do not see each other', async () => {
    await using one = await testVirtualHost();
    await using other = await testVirtualHost();
    const first = await connect(one.url);
    await (await first.createChannel()).assertQueue('q', { durable: true });
    const second = await connect(other.url);
    const channel = await second.createChannel();
    channel.on('error', () => undefined);
    await expect(channel.checkQueue('q')).rejects.toThrow('NOT_FOUND');
    await Promise.all([first.close(), second.close()]);
  });
});

describe('testRedis', () => {
  it('gives databases apart, empty again after use', async () => {
    const one = await testRedis();
    await using other = await testRedis();
    expect(one.url).not.toBe(other.url);
    const client = new Redis(one.url);
    await client.set('k', 'v');
    const beside = new Redis(other.url);
    expect(await beside.get('k')).toBeNull();
    await one[Symbol.asyncDispose]();
    expect(await client.get('k')).toBeNull();
    client.disconnect();
    beside.disconnect();
  });
});

describe('waitFor', () => {
  it('returns the answer, and says what it waited for', async () => {
    let asked = 0;
    expect(await waitFor(() => (asked++ < 3 ? null : 0), { timeoutMs: 5000, what: 'zero', everyMs: 1 })).toBe(0);
    await expect(waitFor(() => false, { timeoutMs: 5, what: 'the moon' })).rejects.toThrow('waited 5 ms for the moon');
    await expect(waitFor(() => { throw new Error('no such table'); }, { timeoutMs: 5, what: 'rows' })).rejects.toThrow('for rows; it last failed with: no such table');
  });
});

describe('startProcess', () => {
  const service = `process.on('SIGTERM', () => { console.log('{"message":"stopping"}'); process.exit(3); }); setInterval(() => console.log('{"message":"tick"}'), 5); console.log('{"message":"ready","grpc_port":7}');`;

  it('waits for the ready line, freezes, thaws, stops', async () => {
    await using running = startProcess({ name: 'ticker', args: ['-e', service] });
    expect(await running.ready()).toMatchObject({ grpc_port: 7 });
    running.freeze();
    await waitFor(async () => (await stateOf(running.pid)) === 'T', { timeoutMs: 5000, what: 'the process to be stopped' });
    running.thaw();
    running.takeLines();
    await waitFor(() => running.takeLines().length > 0, { timeoutMs: 5000, what: 'another tick' });
    expect(await running.stop()).toEqual({ code: 3, signal: null });
    expect(running.lines.at(-1)).toEqual({ message: 'stopping' });
  });

  it('kills what the service started too', async () => {
    const running = startProcess({ name: 'parent', args: ['-e', `const c = require('node:child_process').spawn(process.execPath, ['-e', 'setInterval(() => {}, 1e6)']); console.log(JSON.stringify({ message: 'ready', child: c.pid })); setInterval(() => {}, 1e6)`] });
    const { child } = await running.ready();
    running.kill('SIGKILL');
    expect(await running.exited).toEqual({ code: null, signal: 'SIGKILL' });
    await waitFor(async () => ['gone', 'Z'].includes(await stateOf(child as number)), { timeoutMs: 5000, what: 'the grandchild to end' });
  });

  it('leaves no orphan when the process that started it is killed', async () => {
    // What startProcess asks of the kernel, from a process that is killed without warning.
    const source = `import { spawn } from 'node:child_process'; const c = spawn('setpriv', ['--pdeathsig', 'KILL', '--', process.execPath, '-e', 'setInterval(() => {}, 1e6)'], { detached: true, stdio: 'ignore' }); console.log(JSON.stringify({ message: 'ready', child: c.pid })); setInterval(() => {}, 1e6);`;
    if (process.platform !== 'linux') return;
    const outer = startProcess({ name: 'outer', args: ['--input-type=module', '-e', source] });
    const { child } = await outer.ready();
    process.kill(outer.pid, 'SIGKILL');
    await outer.exited;
    await waitFor(async () => ['gone', 'Z'].includes(await stateOf(child as number)), { timeoutMs: 5000, what: 'the service to be killed by the kernel' });
  });

  it('says what it wrote when it ends too soon, or cannot start', async () => {
    const failing = startProcess({ name: 'failing', args: ['-e', `console.error('port 5 is taken'); process.exit(1)`] });
    await expect(failing.ready()).rejects.toThrow(/failing ended \(code 1, signal null\) before its ready line; it wrote:\nport 5 is taken/);
    const missing = startProcess({ name: 'missing', command: '/nowhere/at-all', args: [] });
    await expect(missing.ready()).rejects.toThrow(/missing ended/);
  });
});

it('gives free ports and names that tell their age', async () => {
  expect(await freePort()).toBeGreaterThan(1023);
  expect(ageOfTestName(testName(), Date.now())).toBeLessThan(60_000);
  expect(ageOfTestName('postgres', Date.now())).toBeNull();
});

async function stateOf(pid: number): Promise<string> {
  try {
    const text = await readFile(`/proc/${pid}/stat`, 'utf8');
    return text.slice(text.lastIndexOf(')') + 2, text.lastIndexOf(')') + 3);
  } catch {
    return 'gone';
  }
}
