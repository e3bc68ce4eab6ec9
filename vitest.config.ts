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
    exclude: ['**/node_modules/**', '**/dist/**'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    projects:
      process.env['MILLRACE_PREVIOUS_BUILD'] === undefined
        ? [
            // Most of a spec's time goes into loading what it tests: two at once, also on two cores.
            { extends: true, test: { name: 'parts', include: ['libs/*/src/**/*.spec.ts', 'apps/*/src/**/*.spec.ts'], maxWorkers: 2, sequence: { groupOrder: 0 } } },
            // Whole constellations, browsers and killed processes: each fills the machine by itself.
            { extends: true, test: { name: 'whole', include: ['test/**/*.spec.ts'], maxWorkers: 1, sequence: { groupOrder: 1 } } },
          ]
        : // With the previous build beside this one (test/upgrade/run.mjs) only that check is run.
          [{ extends: true, test: { name: 'upgrade', include: ['test/upgrade/*.check.ts'] } }],
  },
});
