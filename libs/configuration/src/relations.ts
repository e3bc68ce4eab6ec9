import type { Configuration, ConfigurationKey } from './configuration.js';
import { envNameOf } from './define-options.js';
import { OPTIONS } from './options.js';

/** The internal token signs log reads and opens gRPC between services; shorter ones can be guessed. */
export const INTERNAL_TOKEN_MIN_CHARS = 32;

const BROKER_TLS = ['broker.tls_cert_file', 'broker.tls_key_file', 'broker.tls_ca_file'] as const;
const REDIS_TLS = ['redis.tls_cert_file', 'redis.tls_key_file', 'redis.tls_ca_file'] as const;

/** Problems no single key shows: what must hold between keys, and what a service can't do without. */
export function relationProblems(at: <Key extends ConfigurationKey>(key: Key) => Configuration[Key], needs: readonly ConfigurationKey[]): string[] {
  const problems: string[] = [];
  const [fence, beat, lease] = [at('worker.self_fence_ms'), at('scheduler.beat_every_ms'), at('scheduler.lease_ttl_ms')];
  if (fence + beat >= lease) {
    problems.push(
      `worker.self_fence_ms (${fence}) + scheduler.beat_every_ms (${beat}) must be less than scheduler.lease_ttl_ms (${lease}): ` +
        'a worker must have killed its attempts before anyone may call them lost',
    );
  }
  const token = at('security.internal_token');
  if (token !== '' && token.length < INTERNAL_TOKEN_MIN_CHARS) {
    problems.push(`security.internal_token (${envNameOf('security.internal_token')}): has ${token.length} characters, at least ${INTERNAL_TOKEN_MIN_CHARS} are needed`);
  }
  const inTheClear = at('log_server.urls').find((url) => /^http:/i.test(url));
  if (at('security.tls_cert_file') !== '' && inTheClear !== undefined) {
    problems.push(`log_server.urls (${envNameOf('log_server.urls')}): ${inTheClear} must begin with https://, because log-servers answer over TLS when security.tls_cert_file is set`);
  }
  for (const [address, scheme, files] of [['broker.url', 'amqps:', BROKER_TLS], ['redis.url', 'rediss:', REDIS_TLS]] as const) {
    const given = files.find((key) => at(key) !== '');
    if (given !== undefined && !at(address).startsWith(scheme)) problems.push(`${given} (${envNameOf(given)}) is set, and ${address} (${envNameOf(address)}) does not begin with ${scheme}//: the connection would not be encrypted`);
  }
  for (const key of needs) {
    if (at(key) !== '') continue;
    const hint = key === 'security.internal_token' ? `; give all services the same random text of at least ${INTERNAL_TOKEN_MIN_CHARS} characters` : '';
    problems.push(`${key} (${envNameOf(key)}): not set, and this service can't start without it; accepted is ${OPTIONS[key].parse.accepts}${hint}`);
  }
  return problems;
}
