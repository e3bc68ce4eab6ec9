import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeEach, afterEach, describe, expect, it } from 'vitest';
import { Evaluator, PluginCatalogue, bundleFile } from '../index.js';
import { processFolderOnce } from '../processing/process-folder-once.js';

const evaluator = new Evaluator({ timeoutMs: 30_000, memoryMb: 256 });
afterAll(() => evaluator.dispose());

const FINANCE = `
import { Operator, plugin } from '@millrace/sdk';
export class PlusOperator extends Operator<number> {
  override execute(): number { return 1; }
}
export default plugin('finance', {
  version: '1.2.0', description: 'Sums', operators: [PlusOperator],
  macros: { quarter: (day: string) => 'Q' + day.slice(5, 7) },
  routes: [{ method: 'GET', path: '/rates/:currency', handle: ({ params }) => params }],
});`;

describe('plugins of a folder', () => {
  let home: string;
  beforeEach(() => {
    home = realpathSync(mkdtempSync(join(tmpdir(), 'millrace-plugins-')));
  });
  afterEach(() => rmSync(home, { recursive: true, force: true }));

  const write = (path: string, text: string): void => {
    mkdirSync(dirname(join(home, path)), { recursive: true });
    writeFileSync(join(home, path), text);
  };
  const look = async (): Promise<Record<string, unknown>> => {
    const found = await new PluginCatalogue(evaluator).look([join(home, 'plugins')], false);
    return Object.fromEntries(found.map(({ source, result }) => [source, result.ok ? result.document : { line: result.failure.line, file: result.failure.file, message: result.failure.message }]));
  };

  it('lists what modules, folders and packages give', async () => {
    write('plugins/finance.ts', FINANCE);
    write('plugins/plus-operator.ts', `import { Operator, Sensor, Timetable } from '@millrace/sdk';\nexport class Plus extends Operator<number> { override execute() { return 1; } }\nexport class Wait extends Sensor { override poke() { return true; } }\nexport class Never extends Timetable { override nextRun() { return null; } }\nexport const helper = () => 1;`);
    write('plugins/team/index.ts', `export { default } from './made.js';`);
    write('plugins/team/made.ts', `import { plugin } from '@millrace/sdk';\nexport default plugin('team', { listeners: [{ onRunFailed() {} }], links: [{ name: 'Docs', operators: ['BashOperator'], url: () => null }] });`);
    write('plugins/_notes.ts', 'this is no module {');
    write('plugins/helpers.ts', 'export const nothing = 1;');
    write('package.json', JSON.stringify({ dependencies: { '@acme/millrace-spark': '1.0.0', zod: '4' } }));
    write('node_modules/@acme/millrace-spark/package.json', JSON.stringify({ name: '@acme/millrace-spark', type: 'module', millrace: { plugin: './plugin.js' } }));
    write('node_modules/@acme/millrace-spark/plugin.js', `import { plugin } from '@millrace/sdk';\nexport default plugin('spark', { version: '3.0.0', hooks: [class SparkHook {}] });`);
    expect(await look()).toMatchObject({
      'plugins/finance.ts': { name: 'finance', isDeclared: true, version: '1.2.0', operators: ['PlusOperator'], macros: ['quarter'], routes: [{ method: 'GET', path: '/rates/:currency' }], definedAt: 'plugins/finance.ts:6' },
      'plugins/plus-operator.ts': { name: 'plus-operator', isDeclared: false, operators: ['Plus'], sensors: ['Wait'], timetables: ['Never'] },
      'plugins/team/index.ts': { name: 'team', listeners: ['onRunFailed'], links: [{ name: 'Docs', operators: ['BashOperator'] }] },
      '@acme/millrace-spark': { name: 'spark', version: '3.0.0', hooks: ['SparkHook'] },
    });
    expect(Object.keys(await look())).toHaveLength(4);
  });

  it('tells file and line of what is broken, and both places of a name that is taken; the others stay', async () => {
    write('plugins/a.ts', FINANCE);
    write('plugins/b.ts', `\n${FINANCE}`);
    write('plugins/broken.ts', `import { plugin } from '@millrace/sdk';\n\nthrow new Error('no settings');\nexport default plugin('broken', {});`);
    write('plugins/odd.ts', `import { plugin } from '@millrace/sdk';\nexport default plugin('a name', {});`);
    write('plugins/syntax.ts', 'export const = 1;');
    write('plugins/missing.ts', `import x from 'not-installed-anywhere';\nexport default x;`);
    expect(await look()).toEqual({
      'plugins/a.ts': expect.objectContaining({ name: 'finance' }) as unknown,
      'plugins/b.ts': { file: 'plugins/b.ts', line: 7, message: 'the name "finance" is taken: plugins/a.ts:6 and plugins/b.ts:7 are both plugin "finance". The first counts; give this one another name' },
      'plugins/broken.ts': { file: 'plugins/broken.ts', line: 3, message: 'Error: no settings' },
      'plugins/odd.ts': { file: 'plugins/odd.ts', line: 2, message: expect.stringContaining('plugin "a name": a name begins with a letter') as unknown },
      'plugins/syntax.ts': { file: 'plugins/syntax.ts', line: 1, message: expect.stringContaining('SyntaxError') as unknown },
      'plugins/missing.ts': { file: 'plugins/missing.ts', line: 1, message: expect.stringContaining('Could not resolve "not-installed-anywhere"') as unknown },
    });
  });

  it('gives dags the listeners of all plugins, and macros only to those that name them', async () => {
    write('plugins/finance.ts', FINANCE);
    write('plugins/audit.ts', `import { plugin } from '@millrace/sdk';\nexport default plugin('audit', { listeners: [{ onTaskSuccess() {}, onRunFailed() {} }] });`);
    write('dags/plain.ts', `import { dag } from '@millrace/sdk';\nimport { EmptyOperator } from '@millrace/operators';\ndag('plain', {}, () => { new EmptyOperator('a'); });`);
    write('dags/quarterly.ts', `import { dag } from '@millrace/sdk';\nimport { BashOperator } from '@millrace/operators';\ndag('quarterly', {}, () => { new BashOperator('a', { bashCommand: 'echo {{ macros.finance.quarter(ds) }}' }); });`);
    const outcomes = await processFolderOnce({ path: join(home, 'dags') });
    const of = (path: string) => outcomes.find((outcome) => outcome.path === path)?.result;
    const [plain, quarterly] = [of('plain.ts'), of('quarterly.ts')];
    if (plain?.ok !== true || quarterly?.ok !== true) throw new Error(JSON.stringify([plain, quarterly]));
    expect(plain.documents[0]).toMatchObject({ callbacks: ['failure'], tasks: [{ callbacks: ['success'] }] });
    expect(plain.bundle.code.toString()).not.toContain('1.2.0');
    expect(quarterly.bundle.code.toString()).toContain('1.2.0');
    // The same bytes wherever the folder lies.
    const bundled = await bundleFile({ root: join(home, 'dags'), path: 'plain.ts', pluginFolders: [join(home, 'plugins')], attached: [{ name: 'audit', file: join(home, 'plugins', 'audit.ts'), isForAll: true }] });
    expect(bundled.ok && bundled.bundle.code.toString().includes(home)).toBe(false);
  });
});
