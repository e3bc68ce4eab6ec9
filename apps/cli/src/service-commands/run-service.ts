import { loadConfiguration } from '@millrace/configuration';
import type { LoadOptions } from '@millrace/configuration';
import { runUntilSignal } from '@millrace/lifecycle';
import { COMPOSITIONS } from './compositions.js';
import type { ServiceName } from './compositions.js';

export function runApi(options: { readonly port?: number; readonly host?: string }): Promise<never> {
  return run('api', { 'api.port': options.port, 'api.host': options.host });
}

export function runScheduler(): Promise<never> {
  return run('scheduler', {});
}

export async function runWorker(options: { readonly queues?: string; readonly concurrency?: number; readonly attempt?: string }): Promise<never> {
  if (options.attempt !== undefined) return (await import('./run-attempt.js')).runAttempt(options.attempt);
  const queues = options.queues?.split(',').map((name) => name.trim()).filter((name) => name !== '');
  return run('worker', { 'worker.queues': queues, 'worker.concurrency': options.concurrency });
}

export function runLogServer(options: { readonly port?: number }): Promise<never> {
  return run('log-server', { 'log_server.port': options.port });
}

export function runPodLauncher(): Promise<never> {
  return run('pod-launcher', {});
}

export function runDagProcessor(): Promise<never> {
  return run('dag-processor', {});
}

/** One service in this process until a signal; flags are stronger than environment and file. */
function run(name: ServiceName, overrides: NonNullable<LoadOptions['overrides']>): Promise<never> {
  return runUntilSignal(async () => (await COMPOSITIONS[name]())({ config: loadConfiguration({ overrides, needs: ['security.internal_token'] }) }));
}
