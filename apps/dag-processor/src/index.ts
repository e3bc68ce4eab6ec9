import { join } from 'node:path';
import type { Configuration } from '@millrace/configuration';
import { createLogger } from '@millrace/telemetry';
import type { Logger } from '@millrace/telemetry';
import { DagProcessorService } from './dag-processor.service.js';
import { dagsFolders, withSources } from './dags-folders.js';
import { gitSources } from './git/git-sources.js';

export { DagProcessorService } from './dag-processor.service.js';
export { processFolderOnce } from '@millrace/bundles';

export interface DagProcessorOptions {
  readonly config: Configuration;
  readonly logger?: Logger;
}

/** @throws MillraceError `invalid` for folders that cannot be */
export function createDagProcessor({ config, logger }: DagProcessorOptions): DagProcessorService {
  const log = logger ?? createLogger({ service: 'dag-processor', level: config['logging.level'], format: config['logging.format'] });
  const sources = gitSources(config['dag_processor.git']);
  const gitFolder = config['dag_processor.git_folder'] === '' ? join(config['core.home'], 'git') : config['dag_processor.git_folder'];
  return new DagProcessorService(config, withSources(dagsFolders(config['dag_processor.folders'], config['core.home'], config['core.plugins_folder']), sources, gitFolder, config['core.home'], config['core.plugins_folder']), log, sources.map((source) => ({ source, home: join(gitFolder, source.name) })));
}
