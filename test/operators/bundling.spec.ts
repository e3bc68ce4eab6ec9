import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { processFolderOnce } from '@millrace/bundles';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

let folder: string;
beforeAll(() => void (folder = realpathSync(mkdtempSync(join(tmpdir(), 'millrace-bundling-')))));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Packages that tasks take from the installation. */
const HEAVY = /node_modules\/(pg|pg-cursor|mysql2|nodemailer|ssh2|@aws-sdk|@smithy|@google-cloud)\//;

describe('a dag that uses every operator', () => {
  it('carries no database driver, no mail program and no SDK of a cloud in its bundle', async () => {
    writeFileSync(join(folder, 'all.ts'), "import * as operators from '@millrace/operators';\nimport { dag } from '@millrace/sdk';\nexport default dag('all', {}, () => { new operators.SqlOperator('t', { connectionId: 'db', sql: 'select 1' }); console.log(Object.keys(operators)); });\n");
    const [outcome] = await processFolderOnce({ path: folder });
    if (outcome?.result.ok !== true) throw new Error(outcome?.result.failure.text);
    const { bundle } = outcome.result;
    expect(bundle.sourceMap.sources.filter((source) => HEAVY.test(source))).toEqual([]);
    expect(bundle.sourceMap.sources.some((source) => source.includes('sql-operator'))).toBe(true);
    expect(bundle.code.length).toBeLessThan(600_000);
  }, 60_000);
});
