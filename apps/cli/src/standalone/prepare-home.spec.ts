import { existsSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { prepareHome } from './prepare-home.js';

let base: string;
beforeEach(() => void (base = mkdtempSync(join(tmpdir(), 'millrace-home-'))));
afterEach(() => rmSync(base, { recursive: true, force: true }));

describe('prepareHome', () => {
  it('makes the folder with its parents, and takes it again', () => {
    const home = join(base, 'a', 'b');
    prepareHome(home);
    prepareHome(home);
    expect(['dags', 'plugins'].map((name) => existsSync(join(home, name)))).toEqual([true, true]);
  });

  it('says in one sentence that a folder cannot be used: a file, a link to nothing, a place nobody may write', () => {
    writeFileSync(join(base, 'file'), '');
    symlinkSync(join(base, 'nowhere', 'far'), join(base, 'link'));
    for (const home of [join(base, 'file'), join(base, 'link'), '/proc/millrace']) {
      expect(() => prepareHome(home), home).toThrow(`the folder ${home} can't be used (`);
    }
  });
});
