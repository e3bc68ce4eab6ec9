import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CopyFilesOperator, DateTimeSensor, DeleteFilesOperator, FileSensor, TimeDeltaSensor, TypescriptOperator, WriteFileOperator } from '@millrace/operators';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runOperator } from './run-operator.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-files-'));
  mkdirSync(join(folder, 'in/deep/er'), { recursive: true });
  for (const name of ['in/a.csv', 'in/b.csv', 'in/c.txt', 'in/deep/d.csv', 'in/deep/er/e.csv']) writeFileSync(join(folder, name), name);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const names = (paths: readonly string[]): string[] => paths.map((path) => path.slice(folder.length + 1));

describe('FileSensor', () => {
  const look = (path: string, more: object = {}) => runOperator(() => new FileSensor('t', { path, pokeInterval: 0.01, timeout: 0.03, ...more }), { disk: { connType: 'fs', extra: { path: folder } } });

  it.each<[pattern: string, finds: string[]]>([
    ['in/*.csv', ['in/a.csv', 'in/b.csv']],
    ['in/**/*.csv', ['in/a.csv', 'in/b.csv', 'in/deep/d.csv', 'in/deep/er/e.csv']],
    ['in/[ac].*', ['in/a.csv', 'in/c.txt']],
    ['in/?.txt', ['in/c.txt']],
    ['in/*/d.csv', ['in/deep/d.csv']],
    ['in/a.csv', ['in/a.csv']],
    ['in/deep', ['in/deep/d.csv', 'in/deep/er/e.csv']],
  ])('%s', async (pattern, finds) => {
    expect(names((await look(join(folder, pattern))).result)).toEqual(finds);
    expect(names((await look(pattern, { connectionId: 'disk' })).result)).toEqual(finds);
  });

  it('waits for what is not there, for as many as it wants, and until nothing is written any more', async () => {
    expect((await look(join(folder, 'none/*.csv'))).error?.millrace).toBe('fail');
    expect((await look(join(folder, 'in/*.csv'), { minFiles: 3 })).error?.millrace).toBe('fail');
    expect((await look(join(folder, 'in/a.csv'), { unchangedFor: '10m' })).error?.millrace).toBe('fail');
    utimesSync(join(folder, 'in/b.csv'), 1_000, 1_000);
    expect(names((await look(join(folder, 'in/*.csv'), { unchangedFor: '10m' })).result)).toEqual(['in/b.csv']);
    expect((await look('relative')).error?.message).toMatch(/the path must be absolute, got "relative"/);
  });
});

describe('file operators', () => {
  it('write, copy, move and delete', async () => {
    const path = join(folder, 'out/new/report.json');
    expect((await runOperator(() => new WriteFileOperator('t', { path, content: { rows: 1 } }))).result).toEqual({ path, bytes: 16 });
    expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual({ rows: 1 });
    const copied = await runOperator(() => new CopyFilesOperator('t', { source: join(folder, 'in/*.csv'), destination: join(folder, 'copies') }));
    expect(names(copied.result)).toEqual(['copies/a.csv', 'copies/b.csv']);
    expect(existsSync(join(folder, 'in/a.csv'))).toBe(true);
    await runOperator(() => new CopyFilesOperator('t', { source: path, destination: join(folder, 'moved.json'), move: true }));
    expect([existsSync(path), existsSync(join(folder, 'moved.json'))]).toEqual([false, true]);
    expect(names((await runOperator(() => new DeleteFilesOperator('t', { path: join(folder, 'copies/*') }))).result)).toEqual(['copies/a.csv', 'copies/b.csv']);
    expect(readdirSync(join(folder, 'copies'))).toEqual([]);
  });

  it('say what is wrong', async () => {
    const copy = (options: object) => runOperator(() => new CopyFilesOperator('t', { source: join(folder, 'in/none'), destination: join(folder, 'x'), ...options }));
    expect((await copy({})).error?.message).toMatch(/there is no file .*in\/none/);
    expect((await copy({ allowNone: true })).result).toEqual([]);
    expect((await copy({ source: 'here' })).error?.message).toBe('source must be an absolute path, got "here"');
    expect((await copy({ source: join(folder, 'in/deep'), destination: join(folder, 'x') })).error?.message).toMatch(/is 2 files; destination must be a folder/);
    expect((await runOperator(() => new DeleteFilesOperator('t', { path: join(folder, 'in') }))).error?.message).toMatch(/is a folder; name its files/);
  });
});

describe('sensors of time', () => {
  it.each(['2020-01-01', '2020-01-01T06:00:00+02:00', '2020-01-01 06:00:00+00:00', new Date(0)])('go on when %s has come', async (targetTime) => {
    expect((await runOperator(() => new DateTimeSensor('t', { targetTime }))).error).toBeNull();
  });

  it('wait for a moment without a slot', async () => {
    const { error } = await runOperator(() => new DateTimeSensor('t', { targetTime: '2999-01-01 12:00+02:00' }));
    expect(error).toMatchObject({ millrace: 'defer', resumeAt: '2999-01-01T10:00:00.000Z' });
    const end = new Date('2998-12-31T00:00:00Z');
    expect((await runOperator(() => new TimeDeltaSensor('t', { delta: '6h' }), {}, { dataIntervalEnd: end })).error).toMatchObject({ millrace: 'defer', resumeAt: '2998-12-31T06:00:00.000Z' });
    expect((await runOperator(() => new TimeDeltaSensor('t', { delta: '6h' }), {}, { runAfter: end })).error).toMatchObject({ resumeAt: '2998-12-31T06:00:00.000Z' });
  });

  it('refuse what is no moment', async () => {
    await expect(runOperator(() => new DateTimeSensor('t', { targetTime: 'tomorrow' }))).rejects.toThrow(/targetTime must be a date or ISO 8601 text, got "tomorrow"/);
    await expect(runOperator(() => new TimeDeltaSensor('t', { delta: 'soon' as '1h' }))).rejects.toThrow(/delta/);
  });
});

describe('TypescriptOperator', () => {
  it('calls its function with arguments and context', async () => {
    expect((await runOperator(() => new TypescriptOperator('t', { call: ({ dagId }, a: number, b: number) => `${dagId} ${a + b}`, opArgs: [1, 2] }))).result).toBe('test 3');
    await expect(runOperator(() => new TypescriptOperator('t', {} as never))).rejects.toThrow(/call must be a function/);
  });
});
