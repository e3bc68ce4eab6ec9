import { X509Certificate, createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { MillraceError } from '@millrace/vocabulary';

/** What one side of an encrypted connection shows, and whom it believes. PEM. */
export interface TlsFiles {
  readonly cert: Buffer;
  readonly key: Buffer;
  /** Who must have signed the other side's certificate; null: the certificate authorities of Node.js, and no certificate is asked of callers. */
  readonly ca: Buffer | null;
}

/** Paths, each with the name of its option for messages. Empty: not given. */
export interface TlsPaths {
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
  /** e.g. `security.tls`: the options are `<prefix>_cert_file` and so on. */
  readonly prefix: string;
}

/**
 * Reads certificate, key and authority, and looks at what would otherwise show as a connection that does not come about.
 * @returns null when neither certificate nor key is named @throws MillraceError `invalid` that names option, file and what is wrong
 */
export function readTlsFiles({ cert, key, ca, prefix }: TlsPaths, nowMs: number = Date.now()): TlsFiles | null {
  const option = (name: string): string => `${prefix}_${name}_file`;
  if (cert === '' && key === '') {
    if (ca !== '') throw new MillraceError('invalid', `${option('ca')} is set, and ${option('cert')} and ${option('key')} are not: each service needs a certificate of its own`);
    return null;
  }
  if (cert === '' || key === '') throw new MillraceError('invalid', `${option(cert === '' ? 'cert' : 'key')} is not set, and ${option(cert === '' ? 'key' : 'cert')} is: they go together`);
  const files = { cert: read(cert, option('cert')), key: read(key, option('key')), ca: ca === '' ? null : read(ca, option('ca')) };
  const certificate = certificateOf(files.cert, cert, option('cert'), nowMs);
  if (!certificate.checkPrivateKey(keyOf(files.key, key, option('key')))) throw new MillraceError('invalid', `${option('key')}: ${key} is not the key of the certificate ${cert}`);
  if (files.ca !== null) certificateOf(files.ca, ca, option('ca'), nowMs);
  return files;
}

/** What a client shows and believes where it calls a server of another kind: each for itself, so that a private authority needs no certificate. */
export interface ClientTlsFiles {
  readonly cert?: Buffer;
  readonly key?: Buffer;
  readonly ca?: Buffer;
}

/** The same looks as {@link readTlsFiles}. @returns null when nothing is named */
export function readClientTlsFiles({ cert, key, ca, prefix }: TlsPaths, nowMs: number = Date.now()): ClientTlsFiles | null {
  const pair = readTlsFiles({ cert, key, ca: '', prefix }, nowMs);
  const authority = ca === '' ? null : read(ca, `${prefix}_ca_file`);
  if (authority !== null) certificateOf(authority, ca, `${prefix}_ca_file`, nowMs);
  if (pair === null && authority === null) return null;
  return { ...(pair === null ? {} : { cert: pair.cert, key: pair.key }), ...(authority === null ? {} : { ca: authority }) };
}

type ClientTlsKeys<Prefix extends string> = `${Prefix}.tls_cert_file` | `${Prefix}.tls_key_file` | `${Prefix}.tls_ca_file`;

/** Of the configuration, e.g. `broker.tls_cert_file` and its neighbours. */
export function clientTlsOf<Prefix extends string>(config: Readonly<Record<ClientTlsKeys<Prefix>, string>>, prefix: Prefix): ClientTlsFiles | undefined {
  const at = (name: 'cert' | 'key' | 'ca'): string => config[`${prefix}.tls_${name}_file` as ClientTlsKeys<Prefix>];
  return readClientTlsFiles({ prefix: `${prefix}.tls`, cert: at('cert'), key: at('key'), ca: at('ca') }) ?? undefined;
}

function read(path: string, option: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new MillraceError('invalid', `${option}: ${path} ${code === 'ENOENT' ? 'does not exist' : code === 'EACCES' ? 'may not be read by this user' : `cannot be read (${code})`}`);
  }
}

function certificateOf(pem: Buffer, path: string, option: string, nowMs: number): X509Certificate {
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(pem);
  } catch {
    throw new MillraceError('invalid', `${option}: ${path} holds no certificate in PEM`);
  }
  if (Date.parse(certificate.validTo) <= nowMs) throw new MillraceError('invalid', `${option}: the certificate ${path} has expired on ${certificate.validTo}`);
  if (Date.parse(certificate.validFrom) > nowMs) throw new MillraceError('invalid', `${option}: the certificate ${path} is not valid before ${certificate.validFrom}; is this machine's clock right?`);
  return certificate;
}

function keyOf(pem: Buffer, path: string, option: string) {
  try {
    return createPrivateKey(pem);
  } catch {
    throw new MillraceError('invalid', `${option}: ${path} holds no private key in PEM without a passphrase`);
  }
}
