import type { Metrics } from '@millrace/telemetry';
import type { PublishResult } from './broker.js';

/** What a broker counts, whichever adapter it is. */
export class BrokerMetrics {
  private readonly publishes;
  private readonly malformed;
  private readonly droppedWakes;

  constructor(private readonly metrics: Metrics) {
    this.publishes = metrics.counter({ name: 'broker_publishes_total', help: 'Attempt messages published, by what became of them.', labels: ['result'] as const });
    this.malformed = metrics.counter({ name: 'broker_malformed_messages_total', help: 'Messages that were not as their schema says: parked in the dead letters, nothing executed.', labels: ['kind'] as const });
    this.droppedWakes = metrics.counter({ name: 'broker_dropped_wakes_total', help: 'Doorbell rings not sent because the broker was away or slow; the sweeper finds the work.' });
  }

  /** Of a broker that is reached over a network. */
  watchLinks(links: readonly { readonly purpose: string; readonly isUp: boolean; readonly isWanted: boolean; readonly losses: number }[]): void {
    this.metrics.gauge({ name: 'broker_connected', help: '1 while the connection to the broker is up, by purpose (publish, consume).', labels: ['purpose'] as const, collect: (gauge) => {
      gauge.reset();
      for (const link of links) if (link.isWanted) gauge.set({ purpose: link.purpose }, link.isUp ? 1 : 0);
    } });
    this.metrics.counter({ name: 'broker_connection_losses_total', help: 'Connections to the broker that ended by themselves; each is made anew.', read: () => links.reduce((sum, link) => sum + link.losses, 0) });
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
