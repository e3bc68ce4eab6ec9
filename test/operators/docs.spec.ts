import { mkdirSync, mkdtempSync, readFileSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { processFolderOnce } from '@millrace/bundles';
import * as operators from '@millrace/operators';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const PAGES = join(import.meta.dirname, '../../docs/users/operators');

let folder: string;
beforeAll(() => void (folder = realpathSync(mkdtempSync(join(tmpdir(), 'millrace-docs-')))));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the pages about operators', () => {
  it('have snippets that are dags as they stand', async () => {
    mkdirSync(folder, { recursive: true });
    const names = Object.keys(operators).join(', ');
    let count = 0;
    for (const page of readdirSync(PAGES)) {
      for (const [index, [, code = '']] of [...readFileSync(join(PAGES, page), 'utf8').matchAll(/```ts\n([\s\S]*?)```/g)].entries()) {
        const name = `${page.replace('.md', '')}-${index}`;
        const whole = code.startsWith('import ') ? code : `import { ${names} } from '@millrace/operators';\nimport { dag } from '@millrace/sdk';\nexport default dag('${name}', {}, () => {\n${code}});\n`;
        writeFileSync(join(folder, `${name}.ts`), whole);
        count++;
      }
    }
    const outcomes = await processFolderOnce({ path: folder });
    expect(outcomes.map((outcome) => (outcome.result.ok ? '' : `${outcome.path}: ${outcome.result.failure.text}`)).filter((text) => text !== '')).toEqual([]);
    expect(outcomes).toHaveLength(count);
    expect(count).toBeGreaterThan(15);
  }, 120_000);
});
