import { spawn } from 'node:child_process';
import { createHash, generateKeyPairSync } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { SshOperator } from '@millrace/operators';
import { waitFor } from '@millrace/test-services';
import ssh2 from 'ssh2';
import type { Connection as SshConnection } from 'ssh2';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runOperator } from './run-operator.js';
import type { ConnectionFields } from './run-operator.js';

const { Server, utils } = ssh2;
const hostKey = generateKeyPairSync('rsa', { modulusLength: 2_048, publicKeyEncoding: { type: 'pkcs1', format: 'pem' }, privateKeyEncoding: { type: 'pkcs1', format: 'pem' } }).privateKey;
const userKey = generateKeyPairSync('rsa', { modulusLength: 2_048, publicKeyEncoding: { type: 'pkcs1', format: 'pem' }, privateKeyEncoding: { type: 'pkcs1', format: 'pem' } }).privateKey;
const publicOf = (key: string): Buffer => {
  const parsed = utils.parseKey(key);
  if (parsed instanceof Error) throw parsed;
  return parsed.getPublicSSH();
};

let server: InstanceType<typeof Server>;
let logins = 0;
const sessions = new Set<SshConnection>();
beforeAll(async () => {
  server = new Server({ hostKeys: [hostKey] }, (client) => {
    sessions.add(client);
    client.on('error', () => undefined).on('close', () => sessions.delete(client));
    client.on('authentication', (auth) => {
      if (auth.username === 'ada' && auth.method === 'password' && auth.password === 'ssh-secret') auth.accept();
      else if (auth.username === 'ada' && auth.method === 'publickey' && auth.key.data.equals(publicOf(userKey))) auth.accept();
      else auth.reject(['password', 'publickey']);
    });
    client.on('ready', () => {
      logins++;
      client.on('session', (accept) => accept().on('exec', (acceptExec, _reject, { command }) => {
        const channel = acceptExec();
        const child = spawn('sh', ['-c', command], { detached: true });
        child.stdout.pipe(channel, { end: false });
        child.stderr.pipe(channel.stderr, { end: false });
        channel.on('close', () => {
          if (child.exitCode === null && child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
        });
        child.on('close', (code, signal) => {
          if (signal !== null) channel.exit(signal.replace('SIG', '') as never);
          else channel.exit(code ?? 0);
          channel.end();
        });
      }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
});
afterAll(async () => {
  for (const session of sessions) session.end();
  await new Promise<void>((resolve) => server.close(() => resolve()));
});

const ssh = (more: Partial<ConnectionFields> = {}, extra: object = {}): Record<string, ConnectionFields> => ({
  ssh_default: { connType: 'ssh', host: '127.0.0.1', port: (server.address() as AddressInfo).port, login: 'ada', password: 'ssh-secret', ...more, extra: { host_key: `ssh-rsa ${publicOf(hostKey).toString('base64')} a comment`, ...extra } },
});
const run = (options: Partial<ConstructorParameters<typeof SshOperator>[1]>, connections = ssh(), more: Parameters<typeof runOperator>[2] = {}) => runOperator(() => new SshOperator('t', { command: 'true', ...options }), connections, more);

describe('SshOperator', () => {
  it('runs a command, logs both streams, and returns the last line', async () => {
    const ran = await run({ command: 'echo one; echo two >&2; printf "%s" "$GREETING"', env: { GREETING: "it's me; $(false)" } });
    expect(ran.error).toBeNull();
    expect(ran.result).toBe("it's me; $(false)");
    expect(ran.log).toEqual(expect.arrayContaining(['one', 'two']));
  });

  it.each<[command: string, says: RegExp, millrace: string | undefined]>([
    ['exit 3', /the command failed with exit code 3/, undefined],
    ['exit 99', /exit code 99. Skipping/, 'skip'],
    ['kill -9 $$', /the command was ended by (SIG)?KILL/, undefined],
  ])('%s', async (command, says, millrace) => {
    const { error } = await run({ command });
    expect(error?.message).toMatch(says);
    expect(error?.millrace).toBe(millrace);
  });

  it('logs in by key', async () => {
    expect((await run({ command: 'echo in' }, ssh({ password: null }, { private_key: userKey }))).result).toBe('in');
    const broken = await run({}, ssh({ password: null }, { private_key: 'not-a-key-at-all' }));
    expect(broken.error?.message).toMatch(/connection "ssh_default": Cannot parse privateKey/);
    expect(broken.error?.message).not.toContain('not-a-key-at-all');
  });

  it('sends nothing to a server with another key, or of an unknown key', async () => {
    const before = logins;
    const other = publicOf(userKey).toString('base64');
    expect((await run({}, ssh({}, { host_key: `ssh-rsa ${other}` }))).error?.message).toMatch(/has another key \(SHA256:.+\) than extra\.host_key of connection "ssh_default" says; nothing was sent/);
    expect((await run({}, ssh({}, { host_key: undefined }))).error?.message).toMatch(/does not say which key its server has: put it into extra.host_key/);
    expect(logins).toBe(before);
    const fingerprint = `SHA256:${createHash('sha256').update(publicOf(hostKey)).digest('base64')}`;
    expect((await run({ command: 'echo ok' }, ssh({}, { host_key: fingerprint }))).result).toBe('ok');
    expect((await run({ command: 'echo ok' }, ssh({}, { host_key: undefined, no_host_key_check: true }))).result).toBe('ok');
  });

  it('says who refused, without the password', async () => {
    const { error } = await run({}, ssh({ password: 'wrong-secret' }));
    expect(error?.message).toMatch(/^ada@127\.0\.0\.1:\d+: All configured authentication methods failed/);
    expect(error?.message).not.toContain('wrong-secret');
  });

  it('closes the connection when the try is stopped', async () => {
    const stop = new AbortController();
    const lines: string[] = [];
    const keep = (line: unknown): void => void lines.push(String(line));
    const running = run({ command: 'echo begun; sleep 600' }, ssh(), { signal: stop.signal, log: { debug: keep, info: keep, warn: keep, error: keep } });
    await waitFor(() => lines.includes('begun'), { timeoutMs: 60_000, what: 'the command to begin' });
    stop.abort(new Error('stopped by test'));
    expect((await running).error?.message).toBe('stopped by test');
  });

  it('refuses a name that could be more than a name', async () => {
    await expect(run({ env: { 'A; rm -rf /': 'x' } })).rejects.toThrow(/which is no name of a variable/);
    await expect(run({ command: ' ' })).rejects.toThrow(/command must be a text that is not empty/);
  });
});
