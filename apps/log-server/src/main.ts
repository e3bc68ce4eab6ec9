import { loadConfiguration } from '@millrace/configuration';
import { runUntilSignal } from '@millrace/lifecycle';
import { createLogServer } from './index.js';

await runUntilSignal(() => createLogServer({ config: loadConfiguration({ needs: ['security.internal_token'] }) }));
