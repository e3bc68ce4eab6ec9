import { randomBytes } from 'node:crypto';
import { accessSync, constants, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { MillraceError } from '@millrace/vocabulary';

/** Makes the state folder with `dags/` and `plugins/`, and proves that it can be written. */
export function prepareHome(home: string): void {
  try {
    for (const folder of [home, join(home, 'dags'), join(home, 'plugins')]) makeFolder(folder);
    accessSync(home, constants.W_OK);
    // Root passes every access check; a read-only file system shows only when written to.
    writeFileSync(join(home, '.writable'), '');
    rmSync(join(home, '.writable'));
  } catch (error) {
    throw new MillraceError('unavailable', `the folder ${home} can't be used (${(error as NodeJS.ErrnoException).code ?? (error as Error).message}). Give millrace one it may write to: MILLRACE_HOME=/some/folder`);
  }
}

/** Node's own `recursive` never ends where the system answers "no such folder" although the parent is there, as below `/proc`. */
function makeFolder(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) return;
  if (dirname(path) !== path) makeFolder(dirname(path));
  try {
    mkdirSync(path);
  } catch (error) {
    // Somebody else may have made it in between.
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) throw error;
  }
}

export interface KeptSecret {
  readonly value: string;
  readonly file: string;
  readonly origin: 'given' | 'kept' | 'generated';
}

/**
 * A secret that outlives the process: the one given, else the one kept in the home, else a new one. Mode 0600.
 * One given at a later start does not change what is kept: it would not change what the database knows.
 */
export function keptSecret(file: string, given: string, generate: () => string): KeptSecret {
  try {
    const value = readFileSync(file, 'utf8').trim();
    if (value !== '') return { value, file, origin: 'kept' };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw new MillraceError('unavailable', `${file} can't be read: ${(error as Error).message}`);
  }
  const value = given === '' ? generate() : given;
  writeFileSync(file, `${value}\n`, { mode: 0o600 });
  return { value, file, origin: given === '' ? 'generated' : 'given' };
}

/** Twenty letters and digits that are not mistaken for each other. */
export function newPassword(): string {
  const letters = 'abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789';
  return [...randomBytes(20)].map((byte) => letters[byte % letters.length]).join('');
}

/** Before anything is started: a port in use should cost a sentence, not a database. */
export async function checkPort(host: string, port: number): Promise<void> {
  if (port === 0) return;
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') reject(new MillraceError('conflict', `port ${port} on ${host} is in use. Choose another: npm start -- --port ${port + 1}`));
      else if (error.code === 'EACCES') reject(new MillraceError('unavailable', `port ${port} needs more rights than this user has. Choose one above 1023: npm start -- --port 8080`));
      else reject(new MillraceError('unavailable', `can't listen on ${host}:${port}: ${error.message}`));
    });
    server.listen(port, host, resolve);
  });
  await new Promise<void>((resolve) => server.close(() => resolve()));
}
