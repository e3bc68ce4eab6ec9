import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { loadConfiguration } from '@millrace/configuration';
import { readTlsFiles } from '@millrace/lifecycle';
import { readLog } from '@millrace/task-logs';
import type { ReadLogOptions } from '@millrace/task-logs';
import { createLogger } from '@millrace/telemetry';
import { Writable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLogServer } from './index.js';
import type { LogServer } from './index.js';

const home = mkdtempSync(join(tmpdir(), 'millrace-log-tls-'));
const at = (name: string): string => join(home, name);
const internalToken = 't'.repeat(32);
const logPath = 'dag_id=a/run_id=b/task_id=c/attempt=1.log';
const silent = createLogger({ service: 'log-server', stream: new Writable({ write: (_chunk, _encoding, done) => done() }) });

function certificate(name: string, names: string): void {
  const openssl = (...args: string[]): void => void execFileSync('openssl', args, { cwd: home, stdio: 'pipe' });
  const ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  openssl('req', '-x509', ...ec, '-keyout', `${name}-ca.key`, '-out', `${name}-ca.pem`, '-subj', `/CN=${name}`, '-days', '2');
  openssl('req', ...ec, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', '/CN=service');
  writeFileSync(at(`${name}.ext`), `subjectAltName=${names}\n`);
  openssl('x509', '-req', '-in', `${name}.csr`, '-CA', `${name}-ca.pem`, '-CAkey', `${name}-ca.key`, '-CAcreateserial', '-out', `${name}.pem`, '-days', '2', '-extfile', `${name}.ext`);
}
const files = (name: string, ca: string) => readTlsFiles({ prefix: 'security.tls', cert: at(`${name}.pem`), key: at(`${name}.key`), ca: at(`${ca}-ca.pem`) });

let server: LogServer;
let url: string;
beforeAll(async () => {
  certificate('ours', 'IP:127.0.0.1');
  certificate('theirs', 'IP:127.0.0.1');
  const config = loadConfiguration({ env: {}, overrides: { 'core.home': home, 'log_server.port': 0, 'security.internal_token': internalToken, 'security.tls_cert_file': at('ours.pem'), 'security.tls_key_file': at('ours.key'), 'security.tls_ca_file': at('ours-ca.pem') } });
  server = await createLogServer({ config, logger: silent });
  await server.start();
  url = `https://127.0.0.1:${server.port}`;
  mkdirSync(dirname(join(home, 'logs', logPath)), { recursive: true });
  writeFileSync(join(home, 'logs', logPath), 'hello\n');
});
afterAll(async () => {
  await server?.stop();
  rmSync(home, { recursive: true, force: true });
});

async function read(options: Pick<ReadLogOptions, 'tls' | 'logServerUrls'>): Promise<{ source: string; text: string; said: string }> {
  const reading = await readLog({ logPath, worker: null }, { folder: at('elsewhere'), internalToken, ...options });
  let text = '';
  for await (const chunk of reading.chunks) text += Buffer.from(chunk).toString();
  return { source: reading.source, text, said: reading.messages.join('\n') };
}

describe('a log-server with a certificate', () => {
  it('is read by who shows a certificate of its authority', async () => {
    expect(await read({ logServerUrls: [url], tls: files('ours', 'ours') })).toMatchObject({ source: 'log-server', text: 'hello\n' });
  });

  it.each([
    ['a certificate of another authority', () => ({ logServerUrls: [url], tls: files('theirs', 'ours') }), /403 .*the certificate shown is none of the authority of security\.tls_ca_file/],
    ['another authority to believe', () => ({ logServerUrls: [url], tls: files('ours', 'theirs') }), /its certificate is none of the authority of security\.tls_ca_file/],
    ['no TLS', () => ({ logServerUrls: [url.replace('https', 'http')], tls: null }), /Failed to fetch log file from log-server: .*if it answers over TLS, the api needs security\.tls_cert_file/],
  ])('gives no log to %s, and the reader is told why', async (_, options, reason) => {
    const found = await read(options());
    expect([found.source, found.text]).toEqual(['none', '']);
    expect(found.said).toMatch(reason);
  });

  it('tells its health to who has no certificate, and no log', async () => {
    const ask = (path: string) => new Promise<{ status: number | undefined; text: string }>((resolve, reject) => {
      request(`${url}${path}`, { ca: readFileSync(at('ours-ca.pem')), agent: false }, (response) => {
        let text = '';
        response.on('data', (chunk) => (text += String(chunk))).on('end', () => resolve({ status: response.statusCode, text }));
      }).once('error', reject).end();
    });
    expect(await ask('/readyz')).toMatchObject({ status: 200 });
    expect(await ask(`/log/${logPath}`)).toMatchObject({ status: 403, text: expect.stringContaining('none was shown') as string });
  });
});

it('a log-server in the clear is said to be one', async () => {
  const config = loadConfiguration({ env: {}, overrides: { 'core.home': home, 'log_server.port': 0, 'security.internal_token': internalToken } });
  const plain = await createLogServer({ config, logger: silent });
  await plain.start();
  try {
    const found = await read({ logServerUrls: [`https://127.0.0.1:${plain.port}`], tls: files('ours', 'ours') });
    expect([found.source, found.said]).toEqual(['none', expect.stringContaining('it answers in the clear; it needs security.tls_cert_file like the api')]);
  } finally {
    await plain.stop();
  }
});
