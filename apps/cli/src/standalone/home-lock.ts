import { linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MillraceError } from '@millrace/vocabulary';
import { LOCK_FILE, lifeOf, runningStandalone } from '../client/running-standalone.js';

/** One standalone per home: two would share a database folder. A lock of a process that is gone is taken over. */
export class HomeLock {
  private readonly file: string;

  constructor(private readonly home: string) {
    this.file = join(home, LOCK_FILE);
  }

  /** @throws MillraceError `conflict` when another standalone holds the home. */
  take(): void {
    const mine = `${this.file}.${process.pid}`;
    writeFileSync(mine, this.content(''), { mode: 0o644 });
    try {
      for (let round = 0; round < 3; round++) {
        try {
          linkSync(mine, this.file); // Unlike a rename it fails when somebody was faster.
          return;
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
        }
        const holder = runningStandalone(this.home);
        if (holder !== null) {
          throw new MillraceError('conflict', `another standalone (process ${holder.pid}${holder.url === '' ? '' : `, ${holder.url}`}) runs on ${this.home}. Stop it, or give this one a folder of its own: MILLRACE_HOME=/some/folder`);
        }
        rmSync(this.file, { force: true });
      }
      throw new MillraceError('conflict', `${this.file} could not be taken; another start may be under way`);
    } finally {
      rmSync(mine, { force: true });
    }
  }

  /** Tells client commands on this machine where the api is. */
  tell(url: string): void {
    writeFileSync(this.file, this.content(url));
  }

  release(): void {
    try {
      if ((JSON.parse(readFileSync(this.file, 'utf8')) as { pid?: number }).pid === process.pid) rmSync(this.file, { force: true });
    } catch {
      // Gone or somebody else's: nothing of ours to release.
    }
  }

  private content(url: string): string {
    return JSON.stringify({ pid: process.pid, url, life: lifeOf(process.pid) });
  }
}
