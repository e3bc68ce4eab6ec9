import { createHash, timingSafeEqual } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Connection } from '@millrace/sdk';
import type { Client, ConnectConfig } from 'ssh2';
import { loadLibrary } from '../libraries/load-library.js';

type Ssh = typeof import('ssh2') & { readonly default?: typeof import('ssh2') };

/**
 * Logs in where a connection (type ssh) says: host, port, login, password. Its extra: `private_key` (text) or `key_file` (path), `private_key_passphrase`;
 * `host_key`: the server's public key, as `known_hosts` and `ssh-keyscan` write it (`ssh-ed25519 AAAA…`), or its SHA256 fingerprint. Whoever answers with another key
 * is refused; without `host_key` the extra must say `no_host_key_check: true`, because a password would be given to whoever answers.
 */
export async function openSsh(connection: Connection, connectSeconds: number): Promise<Client> {
  const loaded = await loadLibrary<Ssh>('ssh2', 'SSH');
  const library = loaded.default ?? loaded;
  const { extra, connectionId } = connection;
  const expected = extra['host_key'];
  if (typeof expected !== 'string' && extra['no_host_key_check'] !== true && extra['no_host_key_check'] !== 'true') {
    throw new TypeError(`connection "${connectionId}" does not say which key its server has: put it into extra.host_key (ssh-keyscan -t ed25519 HOST), or extra.no_host_key_check: true to trust whoever answers`);
  }
  const keyFile = extra['key_file'];
  const privateKey = typeof extra['private_key'] === 'string' ? extra['private_key'] : typeof keyFile === 'string' ? await readFile(keyFile, 'utf8') : undefined;
  const client = new library.Client();
  let seen = '';
  const config: ConnectConfig = {
    host: connection.host ?? 'localhost',
    port: connection.port ?? 22,
    username: connection.login ?? 'root',
    ...(privateKey === undefined ? {} : { privateKey, ...(typeof extra['private_key_passphrase'] === 'string' ? { passphrase: extra['private_key_passphrase'] } : {}) }),
    ...(privateKey === undefined && connection.password !== null ? { password: connection.password } : {}),
    readyTimeout: connectSeconds * 1_000,
    keepaliveInterval: 15_000,
    keepaliveCountMax: 4,
    hostVerifier: (key: Buffer) => {
      seen = fingerprint(key);
      return typeof expected !== 'string' || isKey(key, expected);
    },
  };
  await new Promise<void>((resolve, reject) => {
    client.once('ready', resolve);
    client.once('error', (error: Error & { level?: string }) => {
      const where = `${config.username}@${config.host}:${config.port}`;
      if (typeof expected === 'string' && seen !== '' && /verification failed/i.test(error.message)) reject(new Error(`${where} has another key (${seen}) than extra.host_key of connection "${connectionId}" says; nothing was sent to it`, { cause: error }));
      else reject(new Error(`${where}: ${error.message}`, { cause: error }));
    });
    try {
      client.connect(config);
    } catch (error) {
      // A private key that cannot be read: the library's words do not repeat it.
      reject(new Error(`connection "${connectionId}": ${(error as Error).message}`, { cause: error }));
    }
  });
  client.on('error', () => undefined); // What runs over it ends with it, and tells.
  return client;
}

function fingerprint(key: Buffer): string {
  return `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`;
}

function isKey(key: Buffer, expected: string): boolean {
  const text = expected.trim();
  if (text.startsWith('SHA256:')) return fingerprint(key) === text.replace(/=+$/, '');
  // `host type key comment` or `type key comment`: the one part that is a key.
  const encoded = text.split(/\s+/).find((part) => part.startsWith('AAAA')) ?? '';
  const wanted = Buffer.from(encoded, 'base64');
  return wanted.length === key.length && timingSafeEqual(wanted, key);
}
