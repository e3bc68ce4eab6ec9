import { runUntilSignal } from '@millrace/lifecycle';
import type { Service } from '@millrace/lifecycle';
import pc from 'picocolors';
import { tell } from '../output/terminal.js';
import { HomeLock } from './home-lock.js';
import { standaloneConfiguration } from './standalone-settings.js';
import type { StandaloneOptions } from './standalone-settings.js';
import { Standalone } from './standalone.service.js';

export function runStandalone(options: StandaloneOptions): Promise<never> {
  return runUntilSignal(() => {
    const { config, overrides, ownDatabase } = standaloneConfiguration(options);
    const begunMs = performance.now();
    let isReady = false;
    const standalone = new Standalone({ config, overrides, ownDatabase, onProgress: (sentence) => tell(`millrace: ${sentence}`) }, new HomeLock(config['core.home']));
    return {
      name: standalone.name,
      start: async () => {
        endWithNpm();
        await standalone.start();
        if (standalone.url === '') return; // Stopped while starting.
        isReady = true;
        banner(standalone, config['core.home'], performance.now() - begunMs);
      },
      stop: async () => {
        if (isReady) tell('\nmillrace: stopping…');
        await standalone.stop();
        if (isReady) tell('millrace: stopped.');
      },
    } satisfies Service;
  });
}

/**
 * `npm start` runs this under a shell that passes no signals on: a SIGTERM to npm ends npm and the shell, and nobody else.
 * So under npm the end of the parent is the signal. Started by hand it may outlive its parent, as any service.
 */
function endWithNpm(): void {
  if (process.env['npm_lifecycle_event'] !== 'start') return;
  const parent = process.ppid;
  setInterval(() => {
    if (process.ppid !== parent) process.kill(process.pid, 'SIGTERM');
  }, 500).unref();
}

function banner(standalone: Standalone, home: string, tookMs: number): void {
  const { value, file, origin } = standalone.adminPassword;
  const password = origin === 'generated' ? `${pc.bold(value)}  (kept in ${file})` : `in ${file}`;
  tell(`
  ${pc.bold('Millrace')} is ready after ${(tookMs / 1_000).toFixed(1)} s:  ${pc.bold(pc.cyan(standalone.url))}

  user      admin
  password  ${password}
  state     ${home}
  dags      ${home}/dags  (watched; plugins beside it)

  Try, in another terminal:
    npx millrace dags list
    npx millrace dags trigger example_etl --wait
    npx millrace tasks logs example_etl report

  Ctrl-C stops everything.
`);
}
