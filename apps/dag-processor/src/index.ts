import type { Configuration } from '@millrace/configuration';
import { createLogger } from '@millrace/telemetry';
import type { Logger } from '@millrace/telemetry';
import { DagProcessorService } from './dag-processor.service.js';
import { dagsFolders } from './dags-folders.js';

export { DagProcessorService } from './dag-processor.service.js';
export { processFolderOnce } from '@millrace/bundles';

export interface DagProcessorOptions {
  readonly config: Configuration;
  readonly logger?: Logger;
}

/** @throws MillraceError `invalid` for folders that cannot be */
export function createDagProcessor({ config, logger }: DagProcessorOptions): DagProcessorService {
  const log = logger ?? createLogger({ service: 'dag-processor', level: config['logging.level'], format: config['logging.format'] });
  return new DagProcessorService(config, dagsFolders(config['dag_processor.folders'], config['core.home'], config['core.plugins_folder']), log);
}
