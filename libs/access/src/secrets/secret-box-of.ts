import type { Configuration } from '@millrace/configuration';
import { SecretBox } from './secret-box.js';

/** The key ring of the configuration. */
export function secretBoxOf(config: Pick<Configuration, 'security.internal_token' | 'security.previous_internal_tokens' | 'security.secret_keys'>): SecretBox {
  return new SecretBox({ internalToken: config['security.internal_token'], previousInternalTokens: config['security.previous_internal_tokens'], secretKeys: config['security.secret_keys'] });
}
