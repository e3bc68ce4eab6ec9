import type { Configuration } from '@millrace/configuration';
import { openObjectStore } from '@millrace/object-store';
import type { Logger } from '@millrace/telemetry';
import { LogShipper } from './log-shipper.js';

/** Puts the ended logs of this host's folder into the store, if there is one; for hosts that live as long as one task. A store that refuses is told. */
export async function shipLogsOnce(config: Configuration, logger: Logger): Promise<void> {
  if (config['logs.store_url'] === '') return;
  const store = await openObjectStore(config['logs.store_url']);
  try {
    const shipper = new LogShipper(store, { folder: config['logs.folder'], everyMs: 60_000, silentMs: 0 }, { shipped: () => undefined, failed: () => undefined, lag: () => undefined }, logger);
    const report = await shipper.once();
    if (report.failed > 0) logger.error('the log could not be put into the store and ends with this host', { ...report, store: store.url });
  } catch (error) {
    logger.error('logs could not be shipped', { error });
  } finally {
    await store.close();
  }
}
