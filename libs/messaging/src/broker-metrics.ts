import type { Metrics } from '@millrace/telemetry';
import type { PublishResult } from './broker.js';

/** What a broker counts, whichever adapter it is. */
export class BrokerMetrics {
  private readonly publishes;
  private readonly malformed;
  private readonly droppedWakes;

  constructor(metrics: Metrics) {
    this.publishes = metrics.counter({ name: 'broker_publishes_total', help: 'Attempt messages published, by what became of them.', labels: ['result'] as const });
    this.malformed = metrics.counter({ name: 'broker_malformed_messages_total', help: 'Messages that were not as their schema says: parked in the dead letters, nothing executed.', labels: ['kind'] as const });
    this.droppedWakes = metrics.counter({ name: 'broker_dropped_wakes_total', help: 'Doorbell rings not sent because the broker was away or slow; the sweeper finds the work.' });
  }

  published(result: PublishResult): void {
    this.publishes.inc({ result });
  }
  malformedMessage(kind: 'attempts' | 'wake'): void {
    this.malformed.inc({ kind });
  }
  droppedWake(): void {
    this.droppedWakes.inc();
  }
}
