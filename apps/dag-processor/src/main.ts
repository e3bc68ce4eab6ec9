#!/usr/bin/env node
import { loadConfiguration } from '@millrace/configuration';
import { runUntilSignal } from '@millrace/lifecycle';
import { createDagProcessor } from './index.js';

await runUntilSignal(() => createDagProcessor({ config: loadConfiguration({ needs: ['security.internal_token'] }) }));
