import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { executionProto } from '@millrace/contracts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RESULTS_FILE, ResultSpool } from './result-spool.js';
import { openSpool } from './spool-folder.js';

let folder: string;
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'millrace-spool-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const result = (attemptId: string, json = '1'): executionProto.Completion => executionProto.Completion.create({ attemptId, outcome: 'success', xcoms: [{ key: 'return_value', json }], startedAt: new Date(1_000), endedAt: new Date(2_500), pid: 7 });
const quiet = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {}, child: () => quiet };
const file = (): string => join(folder, RESULTS_FILE);
const ids = (spool: ResultSpool): string[] => spool.unanswered().map((one) => one.attemptId);

describe('ResultSpool', () => {
  it('gives back, whole and in order, what was never answered', () => {
    const spool = new ResultSpool(folder);
    spool.keep([result('a'), result('b', '{"x":"ü"}')]);
    spool.keep([result('c')]);
    spool.forget('a');
    spool.keep([result('d')]);
    expect(new ResultSpool(folder).unanswered()).toEqual([result('b', '{"x":"ü"}'), result('c'), result('d')]);
  });

  it('gives a result twice rather than never when the answer was not written down', () => {
    const spool = new ResultSpool(folder);
    spool.keep([result('a')]);
    spool.forget('a');
    expect(ids(new ResultSpool(folder))).toEqual(['a']);
  });

  it.each([1, 5, 12, 40])('cuts off a last record that lacks %i bytes, and goes on behind it', (lacking) => {
    const spool = new ResultSpool(folder);
    spool.keep([result('a')]);
    spool.keep([result('b')]);
    truncateSync(file(), statSync(file()).size - lacking);
    const again = new ResultSpool(folder);
    expect(ids(again)).toEqual(['a']);
    again.keep([result('c')]);
    expect(ids(new ResultSpool(folder))).toEqual(['a', 'c']);
  });

  it('stops at garbage', () => {
    new ResultSpool(folder).keep([result('a')]);
    appendFileSync(file(), Buffer.alloc(300, 1));
    expect(ids(new ResultSpool(folder))).toEqual(['a']);
  });

  it('is empty on disk once all is answered', () => {
    const spool = new ResultSpool(folder);
    spool.keep([result('a', JSON.stringify('x'.repeat(300_000)))]);
    spool.forget('a');
    expect(statSync(file()).size).toBe(0);
    spool.keep([result('b')]);
    spool.forget('b');
    spool.close();
    expect(statSync(file()).size).toBe(0);
  });
});

describe('openSpool', () => {
  it('refuses a folder that a living worker uses', () => {
    const own = join(folder, 'own');
    const spool = openSpool(own, quiet);
    expect(() => openSpool(own, quiet)).toThrow(/used by the worker with process id/);
    spool.close();
    openSpool(own, quiet).close();
  });

  it('is not held up by a dead worker whose process id another process has now', () => {
    const own = join(folder, 'own');
    openSpool(own, quiet);
    const owner = JSON.parse(readFileSync(join(own, 'owner.json'), 'utf8')) as object;
    writeFileSync(join(own, 'owner.json'), JSON.stringify({ ...owner, startedAt: '1' }));
    openSpool(own, quiet).close();
  });

  it('takes over what dead workers of this host left beside it, and nothing of other hosts', () => {
    const left = (name: string, host: string): void => {
      new ResultSpool(join(folder, name)).keep([result(`of-${name}`)]);
      writeFileSync(join(folder, name, 'owner.json'), JSON.stringify({ host, pid: 2 ** 22 - 3, startedAt: '1' }));
    };
    left('dead', hostname());
    left('foreign', 'elsewhere');
    expect(ids(openSpool(join(folder, 'own'), quiet))).toEqual(['of-dead']);
    expect(ids(openSpool(join(folder, 'another'), quiet))).toEqual([]);
  });
});
