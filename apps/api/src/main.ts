#!/usr/bin/env node
import 'reflect-metadata';
import { loadConfiguration } from '@millrace/configuration';
import { runUntilSignal } from '@millrace/lifecycle';
import { createApi } from './index.js';

await runUntilSignal(() => createApi({ config: loadConfiguration({ needs: ['security.internal_token'] }) }));
