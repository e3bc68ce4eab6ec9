import { mergeConfig } from 'vitest/config';
import root from '../../vitest.config.js';

// Not among the specs of `npm test`: it needs the previous build beside this one (test/upgrade/run.mjs).
const config = mergeConfig(root, { test: { root: new URL('../..', import.meta.url).pathname } });
config.test.include = ['test/upgrade/*.check.ts'];
export default config;
