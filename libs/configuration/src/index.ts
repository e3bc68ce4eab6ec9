export type { Configuration, ConfigurationKey, Source } from './configuration.js';
export { loadConfiguration } from './load-configuration.js';
export type { LoadOptions } from './load-configuration.js';
export { describeOptions } from './describe-options.js';
export type { OptionDescription } from './describe-options.js';
export { INTERNAL_TOKEN_MIN_CHARS } from './relations.js';
export { configurationPage } from './configuration-page.js';
export { envNameOf } from './define-options.js';
export { OPTIONS } from './options.js';
