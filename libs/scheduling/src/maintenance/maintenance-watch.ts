import type { Maintenance } from '@millrace/persistence';
import type { Logger } from '@millrace/telemetry';

/**
 * Whether maintenance is on, as seen at the last look. The statements that start runs and claim attempts ask the database themselves; what is held by this
 * memory (publishing, continuations, the making of scheduled runs) would only be refused there later, so being a second late costs nothing.
 */
export class MaintenanceWatch {
  #held = false;

  constructor(
    private readonly maintenance: Maintenance,
    private readonly logger: Logger,
  ) {}

  get held(): boolean {
    return this.#held;
  }

  /** @returns whether it ended since the last look */
  async look(): Promise<boolean> {
    const held = await this.maintenance.isOn();
    const isOver = this.#held && !held;
    if (held !== this.#held) this.logger.info(held ? 'maintenance is on: nothing new starts here' : 'maintenance is over');
    this.#held = held;
    return isOver;
  }
}
