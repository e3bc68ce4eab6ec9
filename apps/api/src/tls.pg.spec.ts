import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ApiRig, PASSWORD } from './testing/api-rig.js';

const folder = mkdtempSync(join(tmpdir(), 'millrace-https-'));
const at = (name: string): string => join(folder, name);
beforeAll(() => {
  const args = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', at('api.key'), '-out', at('api.pem'), '-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1', '-days', '2'];
  execFileSync('openssl', args, { stdio: 'pipe' });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('the api answers over HTTPS alone when it has a certificate, and its session cookie is Secure', async () => {
  await using rig = await ApiRig.open({ 'api.tls_cert_file': at('api.pem'), 'api.tls_key_file': at('api.key') });
  const body = JSON.stringify({ username: 'admin', password: PASSWORD });
  const answer = await new Promise<{ status: number; cookie: string }>((resolve, reject) => {
    const call = request(`https://127.0.0.1:${rig.api.httpPort}/auth/session`, { method: 'POST', ca: readFileSync(at('api.pem')), headers: { 'content-type': 'application/json', 'x-millrace-ui': '1' } }, (response) => {
      response.resume();
      resolve({ status: response.statusCode!, cookie: response.headers['set-cookie']![0]! });
    });
    call.once('error', reject).end(body);
  });
  expect([answer.status, answer.cookie]).toEqual([201, expect.stringMatching(/; Secure$/)]);
  await expect(rig.get('/livez', { token: null })).rejects.toThrow();
  await expect(fetch(`https://127.0.0.1:${rig.api.httpPort}/livez`)).rejects.toThrow();
});
