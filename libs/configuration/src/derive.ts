import { homedir, hostname } from 'node:os';
import { join } from 'node:path';
import type { ConfigurationKey } from './configuration.js';
import type { Resolved } from './load-configuration.js';

/** Fills the keys whose empty value means "follows from others". */
export function derive(values: Map<ConfigurationKey, Resolved>): void {
  fill('core.home', () => (process.getuid?.() === 0 ? '/var/lib/millrace' : join(homedir(), '.millrace')));
  fill('logs.folder', () => join(text('core.home'), 'logs'));
  fill('worker.name', () => `${hostname()}-${process.pid}`);
  fill('worker.spool_dir', () => join(text('core.home'), 'spool', text('worker.name').replace(/[^\p{L}\p{N}_.-]/gu, '_')));
  fill('scheduler.advertise_host', () => text('scheduler.grpc_host'));
  fill('api.base_url', () => `${text('api.tls_cert_file') === '' ? 'http' : 'https'}://${text('api.host')}:${text('api.port')}`);
  const logServers = values.get('log_server.urls');
  if (logServers?.source === 'default' && text('security.tls_cert_file') !== '') values.set('log_server.urls', { value: (logServers.value as string[]).map((url) => url.replace('http:', 'https:')), source: 'derived' });
  fill('dag_processor.folders', () => [`dags=${join(text('core.home'), 'dags')}`]);

  function text(key: ConfigurationKey): string {
    return String(values.get(key)?.value);
  }
  function fill(key: ConfigurationKey, value: () => unknown): void {
    const present = values.get(key);
    const empty = present === undefined || present.value === '' || (Array.isArray(present.value) && present.value.length === 0);
    if (empty) values.set(key, { ...present, value: value(), source: 'derived' });
  }
}
