import { pause } from '@millrace/lifecycle';
import type { Logger } from '@millrace/telemetry';
import { GitCheckout } from './git-checkout.js';
import { shownUrl } from './git-sources.js';
import type { GitSourceOptions } from './git-sources.js';

/** Keeps a folder at the newest commit of a branch. */
export class GitFollower {
  /** Null while all is well. */
  trouble: string | null = 'not fetched yet';

  constructor(
    readonly source: GitSourceOptions,
    private readonly checkout: GitCheckout,
    private readonly everyMs: number,
    private readonly onChange: () => void,
    private readonly logger: Logger,
  ) {}

  /** Until the signal fires. */
  async run(signal: AbortSignal): Promise<void> {
    const fields = { bundle: this.source.name, url: shownUrl(this.source.url), branch: this.source.branch };
    do {
      try {
        const { commit, isNew } = await this.checkout.update(signal);
        if (isNew || this.trouble !== null) this.logger.info('checked out', { ...fields, commit });
        this.trouble = null;
        if (isNew) this.onChange();
      } catch (error) {
        if (signal.aborted) return;
        const reason = error instanceof Error ? error.message : String(error);
        const kept = await this.checkout.current();
        if (this.trouble !== reason) this.logger.error('a repository cannot be read; it is tried again', { ...fields, reason, stays_at: kept });
        this.trouble = reason;
      }
    } while (await pause(this.everyMs, signal));
  }
}
