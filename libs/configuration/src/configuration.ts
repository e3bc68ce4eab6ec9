import type { Option } from './define-options.js';
import type { OPTIONS } from './options.js';

type ValueOf<Row> = Row extends Option<infer Value> ? Value : never;

export type ConfigurationKey = keyof typeof OPTIONS;

/** The checked values by key: `config['scheduler.grpc_port']` is a number. Frozen; folders and names are filled in. */
export type Configuration = { readonly [Key in ConfigurationKey]: ValueOf<(typeof OPTIONS)[Key]> };

/** Where a value came from. `derived` values follow from others (`logs.folder` from `core.home`). */
export type Source = 'default' | 'file' | 'environment' | 'environment file' | 'override' | 'derived';
