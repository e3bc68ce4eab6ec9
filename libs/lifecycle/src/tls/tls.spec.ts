import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Server, status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { channelCredentials, serverCredentials } from './grpc-credentials.js';
import { clientTlsOf, readTlsFiles } from './tls-files.js';

const folder = mkdtempSync(join(tmpdir(), 'millrace-tls-'));
const at = (name: string): string => join(folder, name);
const openssl = (...args: string[]): void => void execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });

function authority(name: string): void {
  openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', `${name}.key`, '-out', `${name}.pem`, '-subj', `/CN=${name}`, '-days', '2');
}
function certificate(name: string, by: string): void {
  openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`);
  writeFileSync(at(`${name}.ext`), 'subjectAltName=IP:127.0.0.1,DNS:localhost\n');
  openssl('x509', '-req', '-in', `${name}.csr`, '-CA', `${by}.pem`, '-CAkey', `${by}.key`, '-CAcreateserial', '-out', `${name}.pem`, '-days', '2', '-extfile', `${name}.ext`);
}
const files = (name: string, ca: string) => readTlsFiles({ prefix: 'security.tls', cert: at(`${name}.pem`), key: at(`${name}.key`), ca: ca === '' ? '' : at(`${ca}.pem`) });

beforeAll(() => {
  for (const name of ['ours', 'theirs']) authority(name);
  certificate('scheduler', 'ours');
  certificate('worker', 'ours');
  certificate('stranger', 'theirs');
  writeFileSync(at('text.pem'), 'not a certificate');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('certificates named in the configuration', () => {
  const wrong = (paths: { cert?: string; key?: string; ca?: string }, nowMs?: number) => () =>
    readTlsFiles({ prefix: 'security.tls', cert: paths.cert ?? at('worker.pem'), key: paths.key ?? at('worker.key'), ca: paths.ca ?? '' }, nowMs);

  it('are read, or absent', () => {
    expect(files('worker', 'ours')).toMatchObject({ cert: expect.any(Buffer), ca: expect.any(Buffer) });
    expect(readTlsFiles({ prefix: 'security.tls', cert: '', key: '', ca: '' })).toBeNull();
  });

  it('that would not work are refused with the option, the file and the reason', () => {
    expect(wrong({ cert: at('none.pem') })).toThrow(`security.tls_cert_file: ${at('none.pem')} does not exist`);
    expect(wrong({ cert: at('text.pem') })).toThrow('holds no certificate in PEM');
    expect(wrong({ key: at('text.pem') })).toThrow('holds no private key');
    expect(wrong({ key: at('scheduler.key') })).toThrow(`${at('scheduler.key')} is not the key of the certificate ${at('worker.pem')}`);
    expect(wrong({}, Date.now() + 3 * 86_400_000)).toThrow(/has expired on .+GMT/);
    expect(wrong({}, Date.now() - 86_400_000)).toThrow('is not valid before');
    expect(wrong({ key: '' })).toThrow('security.tls_key_file is not set, and security.tls_cert_file is');
    expect(wrong({ cert: '', key: '', ca: at('ours.pem') })).toThrow('each service needs a certificate');
    expect(wrong({ ca: folder })).toThrow('cannot be read (EISDIR)');
    chmodSync(at('worker.key'), 0o600);
  });
});

describe('certificates towards servers of another kind', () => {
  const towards = (cert: string, key: string, ca: string) => () => clientTlsOf({ 'broker.tls_cert_file': cert, 'broker.tls_key_file': key, 'broker.tls_ca_file': ca }, 'broker');

  it('may be an authority alone, a certificate alone, both, or none', () => {
    expect(towards('', '', '')()).toBeUndefined();
    expect(Object.keys(towards('', '', at('ours.pem'))()!)).toEqual(['ca']);
    expect(Object.keys(towards(at('worker.pem'), at('worker.key'), '')()!)).toEqual(['cert', 'key']);
    expect(Object.keys(towards(at('worker.pem'), at('worker.key'), at('ours.pem'))()!)).toEqual(['cert', 'key', 'ca']);
  });

  it('are looked at like the others', () => {
    expect(towards(at('worker.pem'), '', '')).toThrow('broker.tls_key_file is not set, and broker.tls_cert_file is');
    expect(towards(at('worker.pem'), at('scheduler.key'), '')).toThrow(/broker.tls_key_file: .* is not the key/);
    expect(towards('', '', at('text.pem'))).toThrow('broker.tls_ca_file: ' + at('text.pem') + ' holds no certificate');
  });
});

describe('gRPC between services', () => {
  let server: Server;
  let port: number;
  beforeAll(async () => {
    server = new Server();
    const method = { path: '/spec/ask', requestStream: false, responseStream: false, requestSerialize: (b: Buffer) => b, requestDeserialize: (b: Buffer) => b, responseSerialize: (b: Buffer) => b, responseDeserialize: (b: Buffer) => b } as const;
    server.addService({ ask: method }, { ask: (_call: unknown, answer: (error: null, value: Buffer) => void) => answer(null, Buffer.from('here')) });
    port = await new Promise<number>((resolve, reject) => server.bindAsync('127.0.0.1:0', serverCredentials(files('scheduler', 'ours'), true), (error, bound) => (error === null ? resolve(bound) : reject(error))));
  });
  afterAll(() => server.forceShutdown());

  const ask = async (credentials: ReturnType<typeof channelCredentials>): Promise<string> => {
    const client = new Client(`127.0.0.1:${port}`, credentials);
    const identity = (bytes: Buffer): Buffer => bytes;
    try {
      return await new Promise<string>((resolve, reject) => client.makeUnaryRequest('/spec/ask', identity, identity, Buffer.alloc(0), { deadline: Date.now() + 60_000 }, (error, value) => (error === null ? resolve(value!.toString()) : reject(error))));
    } finally {
      client.close();
    }
  };

  it('is answered to a certificate of the same authority', async () => {
    expect(await ask(channelCredentials(files('worker', 'ours')))).toBe('here');
  });

  it.each([
    ["another authority's certificate", () => channelCredentials({ ...files('stranger', '')!, ca: files('worker', 'ours')!.ca })],
    ['another authority to believe', () => channelCredentials(files('worker', 'theirs'))],
    ['no certificate', () => channelCredentials(null)],
  ])('is refused to %s', async (_, credentials) => {
    await expect(ask(credentials())).rejects.toMatchObject({ code: status.UNAVAILABLE });
  });
});
