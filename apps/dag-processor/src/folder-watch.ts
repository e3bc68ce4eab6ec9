import { watch } from 'node:fs';
import type { FSWatcher } from 'node:fs';
import { basename, dirname } from 'node:path';

/** Tells when something in a set of folders changes. Only a hint: events may be lost, so whoever waits looks by itself too. */
export class FolderWatch {
  private readonly watchers = new Map<string, FSWatcher>();
  private waiting: (() => void) | null = null;
  private changed = false;

  /** @param entrance the dags folder as configured; when it is a link, its swap is seen from the folder above */
  constructor(private readonly entrance: string) {}

  /** Watches these folders from now on, and no others. */
  follow(folders: readonly string[]): void {
    const wanted = new Set([...folders, dirname(this.entrance)]);
    for (const [folder, watcher] of this.watchers) {
      if (wanted.has(folder)) continue;
      watcher.close();
      this.watchers.delete(folder);
    }
    for (const folder of wanted) if (!this.watchers.has(folder)) this.add(folder);
  }

  /** Waits for a change since the last wait, or for the time to pass, or for the signal. */
  async wait(ms: number, signal: AbortSignal): Promise<void> {
    if (!this.changed && !signal.aborted) {
      await new Promise<void>((resolve) => {
        const done = (): void => {
          clearTimeout(timer);
          signal.removeEventListener('abort', done);
          resolve();
        };
        const timer = setTimeout(done, ms);
        this.waiting = done;
        signal.addEventListener('abort', done, { once: true });
      });
      this.waiting = null;
    }
    this.changed = false;
  }

  /** As if something had changed. */
  wake(): void {
    this.changed = true;
    this.waiting?.();
  }

  close(): void {
    for (const watcher of this.watchers.values()) watcher.close();
    this.watchers.clear();
  }

  private add(folder: string): void {
    try {
      // Of the folder above only the entrance counts: a home folder has other traffic.
      const onlyEntrance = folder === dirname(this.entrance) ? basename(this.entrance) : null;
      const watcher = watch(folder, { persistent: false }, (_, name) => {
        if (onlyEntrance === null || name === null || name === onlyEntrance) this.wake();
      });
      watcher.on('error', () => {
        watcher.close();
        this.watchers.delete(folder); // Gone; the next look says so.
      });
      this.watchers.set(folder, watcher);
    } catch {
      // No more watches, or the folder is gone: the regular look finds what changes here.
    }
  }
}
