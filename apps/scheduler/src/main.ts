import { loadConfiguration } from '@millrace/configuration';
import { runUntilSignal } from '@millrace/lifecycle';
import { createScheduler } from './scheduler.service.js';

await runUntilSignal(() => createScheduler({ config: loadConfiguration({ needs: ['security.internal_token'] }) }));
