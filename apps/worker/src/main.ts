import { loadConfiguration } from '@millrace/configuration';
import { runUntilSignal } from '@millrace/lifecycle';
import { createWorker } from './index.js';

await runUntilSignal(() => createWorker({ config: loadConfiguration({ needs: ['security.internal_token'] }) }));
