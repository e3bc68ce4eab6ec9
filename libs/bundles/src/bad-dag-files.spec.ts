import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Evaluator, bundleFile } from './index.js';
import type { ImportFailure } from './index.js';

const HEAD = `import { cron, dag } from '@millrace/sdk';\nimport { EmptyOperator } from '@millrace/operators';\n`;

/** Each: what is wrong, the file (its first two lines are the imports), the line told, what the message says. */
const CASES: readonly (readonly [what: string, source: string, line: number, says: RegExp])[] = [
  ['a syntax error', `dag('d', {}, () => {\n  const = 1;\n});`, 4, /SyntaxError: /],
  ['a missing module', `import x from 'not-installed-anywhere';\ndag('d', {}, () => x);`, 3, /Could not resolve "not-installed-anywhere"/],
  ['a missing plugin', `import { x } from 'plugins/nothing.js';\ndag('d', {}, () => x);`, 3, /plugins\/nothing\.js/],
  ['a throw', `function settings(): string {\n  throw new Error('no settings');\n}\ndag('d', { description: settings() }, () => {});`, 4, /Error: no settings/],
  ['a rejected top-level await', `await Promise.reject(new Error('later'));\ndag('d', {}, () => {});`, 3, /later/],
  ['an async build function', `dag('d', {}, async () => {});`, 3, /must be synchronous/],
  ['a cycle', `dag('d', {}, () => {\n  const a = new EmptyOperator('a');\n  const b = new EmptyOperator('b');\n  a.to(b).to(a);\n});`, 4, /has a cycle: "a" → "b" → "a"/],
  ['a task after itself', `dag('d', {}, () => {\n  const a = new EmptyOperator('a');\n  a.to(a);\n});`, 4, /has a cycle: "a" → "a"/],
  ['a duplicate task id', `dag('d', {}, () => {\n  new EmptyOperator('a');\n  new EmptyOperator('a');\n});`, 5, /duplicate task id "a" in dag "d": first used at bad\.ts:4/],
  ['a duplicate dag id', `dag('d', {}, () => {});\ndag('d', {}, () => {});`, 4, /duplicate dag id "d": first used at bad\.ts:3/],
  ['an unusable task id', `dag('d', {}, () => {\n  new EmptyOperator('../a b');\n});`, 4, /unusable task id "\.\.\/a b"/],
  ['an unusable dag id', `dag('d/e', {}, () => {});`, 3, /unusable dag id "d\/e"/],
  ['a bad cron text', `dag('d', { schedule: '61 * * * *' }, () => {});`, 3, /bad cron expression "61 \* \* \* \*": minute "61": 61 is not between 0 and 59/],
  ['a bad cron call', `dag('d', {\n  schedule: cron('* * *'),\n}, () => {});`, 4, /five fields are needed/],
  ['an impossible cron', `dag('d', { schedule: '0 0 31 2 *' }, () => {});`, 3, /day of month "31" does not exist in month "2", so it would never run/],
  ['a bad event date', `import { events } from '@millrace/sdk';\ndag('d', { schedule: events(['soon']) }, () => {});`, 4, /events\(\) must be a Date or a text/],
  ['a timetable that goes nowhere', `import { Timetable } from '@millrace/sdk';\nclass Stuck extends Timetable {\n  nextRun() {\n    return new Date('2100-01-01');\n  }\n}\ndag('d', { schedule: new Stuck() }, () => {});`, 9, /timetable of dag "d": Stuck\.nextRun\(\) must go forward/],
  ['a timetable that throws', `import { Timetable } from '@millrace/sdk';\nclass Bad extends Timetable {\n  nextRun(): never {\n    throw new Error('no calendar');\n  }\n}\ndag('d', { schedule: new Bad() }, () => {});`, 6, /no calendar/],
  ['a timetable that never ends', `import { Timetable } from '@millrace/sdk';\nclass Endless extends Timetable {\n  nextRun(): never {\n    for (;;);\n  }\n}\ndag('d', { schedule: new Endless() }, () => {});`, 6, /did not end within/],
  ['an unknown time zone', `dag('d', { schedule: '@daily', timezone: 'Mars/Base' }, () => {});`, 3, /unknown time zone "Mars\/Base"/],
  ['a bad date', `dag('d', { startDate: 'yesterday' }, () => {});`, 3, /startDate must be a Date or a text/],
  ['a bad duration', `dag('d', {}, () => {\n  new EmptyOperator('a', { retryDelay: 'soon' });\n});`, 4, /task "a": retryDelay must be seconds/],
  ['a bad option', `dag('d', {}, () => {\n  new EmptyOperator('a', { retries: -1 });\n});`, 4, /task "a": retries must be a whole number ≥ 0, got -1/],
  ['what only the schema knows', `dag('d', { maxActiveRuns: 0 }, () => {});`, 3, /dag "d": maxActiveRuns: /],
  ['a task outside of a dag', `new EmptyOperator('a');\ndag('d', {}, () => {});`, 3, /task "a" is made outside of a dag/],
  ['a task of another dag', `let a: EmptyOperator;\ndag('d', {}, () => {\n  a = new EmptyOperator('a');\n});\ndag('e', {}, () => {\n  const b = new EmptyOperator('b');\n  a.to(b);\n});`, 8, /of dag "d" cannot be wired to "b" of dag "e"/],
  ['no dag', `export const nothing = [dag, EmptyOperator, cron];`, 0, /the file defines no dag/],
  ['process.exit', `process.exit(0);`, 3, /ends its process/],
  ['the network', `await fetch('http://127.0.0.1:1/');\ndag('d', {}, () => {});`, 3, /without network/],
  ['a socket', `import { connect } from 'node:net';\nconnect(1);`, 4, /without network/],
  ['a file outside', `import { readFileSync } from 'node:fs';\nreadFileSync('/etc/hostname');`, 4, /Access to this API has been restricted/],
  ['a child process', `import { execSync } from 'node:child_process';\nexecSync('id');`, 4, /Access to this API has been restricted/],
  ['an await without end', `await new Promise(() => {});\ndag('d', {}, () => {});`, 0, /top-level await never ended/],
  ['a memory hog', `const all: unknown[] = [];\nfor (;;) all.push({ n: all.length, s: 'x' + all.length });`, 4, /took more than 96 MB/],
  ['a hog of buffers', `const all: unknown[] = [];\nfor (;;) all.push(Buffer.alloc(10_000_000, 1));`, 4, /took more than 96 MB/],
  ['an endless loop', `function forever(): void {\n  for (;;) Math.random();\n}\ndag('d', {}, () => {\n  forever();\n});`, 4, /did not end within 2 s/],
];

let root: string;
let evaluator: Evaluator;
/** For what runs until it is stopped; the others have as long as a slow machine needs. */
let hasty: Evaluator;
beforeAll(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'millrace-bad-')));
  evaluator = new Evaluator({ timeoutMs: 60_000, memoryMb: 96 });
  hasty = new Evaluator({ timeoutMs: 2_000, memoryMb: 96 });
});
afterAll(async () => {
  await Promise.all([evaluator.dispose(), hasty.dispose()]);
  rmSync(root, { recursive: true, force: true });
});

async function failureOf(source: string, endless = false): Promise<ImportFailure> {
  writeFileSync(join(root, 'bad.ts'), HEAD + source);
  const bundled = await bundleFile({ root, path: 'bad.ts', pluginFolders: [] });
  const outcome = bundled.ok ? await (endless ? hasty : evaluator).evaluate(bundled.bundle, 'bad.ts') : bundled;
  if (outcome.ok) throw new Error('the file was accepted');
  return outcome.failure;
}

describe('a bad dag file is told with its place', () => {
  it.each(CASES)('%s', async (_, source, line, says) => {
    const failure = await failureOf(source, says.source.includes('did not end within'));
    expect(failure.text).toMatch(says);
    expect({ file: failure.file, line: failure.line }).toEqual({ file: 'bad.ts', line });
    if (line > 0) expect(failure.text).toContain(`> ${line} | `);
    expect(failure.text, 'nothing of this machine').not.toMatch(/millrace-evaluate|millrace-bundle\.mjs/);
  });

  it('shows the environment of nobody', async () => {
    process.env['MILLRACE_TEST_SECRET'] = 'canary-4711';
    expect((await failureOf(`throw new Error(JSON.stringify(process.env));`)).text).not.toContain('canary-4711');
    delete process.env['MILLRACE_TEST_SECRET'];
  });
});
