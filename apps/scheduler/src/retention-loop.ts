import type { Configuration } from '@millrace/configuration';
import { databaseNow, maintainPartitions } from '@millrace/persistence';
import type { Database } from '@millrace/persistence';
import type { Logger } from '@millrace/telemetry';

const EVERY_MS = 3_600_000;
/** Not in the moment of a start, when everybody has something to do. */
const FIRST_AFTER_MS = 20_000;

/** Partitions of the days to come are made, old ones dropped, once an hour by every scheduler; who comes second finds nothing to do. */
export class RetentionLoop {
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();

  constructor(
    private readonly database: Database,
    private readonly config: Configuration,
    private readonly logger: Logger,
  ) {}

  start(): void {
    this.#timer = setTimeout(() => this.#pass(), FIRST_AFTER_MS);
  }

  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#running;
  }

  #pass(): void {
    this.#timer = setTimeout(() => this.#pass(), EVERY_MS);
    this.#running = this.#once();
  }

  async #once(): Promise<void> {
    const { config, logger } = this;
    try {
      const now = new Date(await databaseNow(this.database));
      const report = await maintainPartitions(this.database, now, { run_decision: config['retention.decisions_days'], task_instance_history: config['retention.history_days'], audit_log: config['retention.audit_days'] });
      if (report.dropped.length > 0) logger.info('old partitions dropped', { partitions: report.dropped });
      if (report.postponed.length > 0) logger.warn('partitions are left for the next pass', { reasons: report.postponed });
    } catch (error) {
      logger.warn('retention could not run now; the next pass is in an hour', { error: error instanceof Error ? error.message : String(error) });
    }
  }
}
