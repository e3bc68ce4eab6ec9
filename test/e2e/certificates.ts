import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Settings } from '../harness/constellation.js';

/** An authority and one certificate for this machine's services, made as docs/operators/security.md says. @returns the options that name them */
export function certificatesOf(folder: string, authority: string): Settings {
  const openssl = (...args: string[]): void => void execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
  const ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  openssl('req', '-x509', ...ec, '-keyout', `${authority}-ca.key`, '-out', `${authority}-ca.pem`, '-subj', `/CN=${authority}`, '-days', '2');
  openssl('req', ...ec, '-keyout', `${authority}.key`, '-out', `${authority}.csr`, '-subj', '/CN=service');
  writeFileSync(join(folder, `${authority}.ext`), 'subjectAltName=DNS:localhost,IP:127.0.0.1\n');
  openssl('x509', '-req', '-in', `${authority}.csr`, '-CA', `${authority}-ca.pem`, '-CAkey', `${authority}-ca.key`, '-CAcreateserial', '-out', `${authority}.pem`, '-days', '2', '-extfile', `${authority}.ext`);
  return { 'security.tls_cert_file': join(folder, `${authority}.pem`), 'security.tls_key_file': join(folder, `${authority}.key`), 'security.tls_ca_file': join(folder, `${authority}-ca.pem`) };
}
