import { defineConfig } from 'vitest/config';

// No 'import' or 'module' here: they reach Node's own require in the workers, and `pg` then gets its pool as a module namespace.
const conditions = ['@millrace/source', 'node'];

export default defineConfig({
  resolve: { conditions },
  // Only these: more reach the workers as --conditions and would make CommonJS packages load their ES builds.
  ssr: { resolve: { conditions: ['@millrace/source', 'node'] } },
  oxc: { decorator: { legacy: true, emitDecoratorMetadata: true } },
  test: {
    environment: 'node',
    // With the previous build beside this one (test/upgrade/run.mjs) only that check is run.
    include: process.env['MILLRACE_PREVIOUS_BUILD'] === undefined ? ['libs/*/src/**/*.spec.ts', 'apps/*/src/**/*.spec.ts', 'test/**/*.spec.ts'] : ['test/upgrade/*.check.ts'],
    exclude: ['**/node_modules/**', '**/dist/**'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
