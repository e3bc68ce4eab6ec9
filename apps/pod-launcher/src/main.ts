#!/usr/bin/env node
import { loadConfiguration } from '@millrace/configuration';
import { runUntilSignal } from '@millrace/lifecycle';
import { createPodLauncher } from './index.js';

await runUntilSignal(() => createPodLauncher({ config: loadConfiguration() }));
