import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describeOptions, loadConfiguration } from '@millrace/configuration';
import type { Configuration, ConfigurationKey } from '@millrace/configuration';

export interface StandaloneOptions {
  readonly port?: number;
  readonly host?: string;
  /** commander's form of --no-examples. */
  readonly examples: boolean;
  readonly verbose?: boolean;
}

type Overrides = { readonly [Key in ConfigurationKey]?: Configuration[Key] | undefined };

/**
 * The configuration of a standalone. What nobody set gets values that suit one process on one machine; what somebody
 * set, by file or environment, stays.
 */
export function standaloneConfiguration(options: StandaloneOptions): { readonly config: Configuration; readonly overrides: Overrides; readonly ownDatabase: boolean } {
  const given = new Set(describeOptions().filter(({ source }) => source !== 'default' && source !== 'derived').map(({ key }) => key));
  const home = loadConfiguration()['core.home'];
  const suiting: Overrides = {
    // Free ports: a second standalone, or a real worker on this machine, must not be in the way.
    'scheduler.grpc_port': 0, 'scheduler.ops_port': 0, 'api.grpc_port': 0, 'worker.log_port': 0, 'worker.ops_port': 0, 'log_server.port': 0, 'dag_processor.ops_port': 0,
    'redis.enabled': false,
    'worker.name': 'standalone',
    // Ctrl-C should not wait ten minutes for a task; what does not finish is run again at the next start.
    'worker.drain_grace_ms': 5_000,
    'dag_processor.folders': [...(options.examples ? examplesFolder() : []), `dags=${join(home, 'dags')}`],
    'logging.format': process.stdout.isTTY ? 'text' : 'json',
    'logging.level': options.verbose === true ? 'info' : 'warn',
  };
  const unset = Object.fromEntries(Object.entries(suiting).filter(([key]) => !given.has(key as ConfigurationKey)));
  const overrides: Overrides = {
    ...unset,
    ...(options.port === undefined ? {} : { 'api.port': options.port }),
    ...(options.host === undefined ? {} : { 'api.host': options.host }),
    ...(options.verbose === true ? { 'logging.level': 'info' } : {}),
  };
  return { config: loadConfiguration({ overrides }), overrides, ownDatabase: given.has('database.url') };
}

/** `examples/` of the checkout this command was built in. */
function examplesFolder(): string[] {
  const folder = join(import.meta.dirname, '..', '..', '..', '..', 'examples');
  return existsSync(folder) ? [`examples=${folder}`] : [];
}
