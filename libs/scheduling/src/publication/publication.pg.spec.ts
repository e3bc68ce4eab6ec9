import { createHash } from 'node:crypto';
import type { Wake } from '@millrace/contracts';
import { InProcessBroker, InProcessBus } from '@millrace/messaging';
import { migratedDatabase } from '@millrace/persistence/testing';
import type { MigratedDatabase } from '@millrace/persistence/testing';
import { waitFor } from '@millrace/test-services';
import { WAKE_PARTITIONS } from '@millrace/vocabulary';
import { describe, expect, it } from 'vitest';
import { Publication } from './publication.js';
import type { PublishedFile, PublishResult } from './published-file.js';

class Rig {
  readonly woken: string[] = [];
  private constructor(
    readonly migrated: MigratedDatabase,
    readonly publication: Publication,
    private readonly brokers: readonly InProcessBroker[],
  ) {}

  static async open(): Promise<Rig> {
    const migrated = await migratedDatabase();
    const bus = new InProcessBus();
    const brokers = [new InProcessBroker({ bus }), new InProcessBroker({ bus })] as const;
    for (const broker of brokers) await broker.start();
    const rig = new Rig(migrated, new Publication(migrated.database, brokers[0], { pausedAtCreation: false }), brokers);
    await brokers[1].listen(Array.from({ length: WAKE_PARTITIONS }, (_, partition) => partition), (wake: Wake) => void rig.woken.push(...wake.dags));
    return rig;
  }

  publish(relativeFileloc: string, documents: readonly object[], more: Partial<PublishedFile> = {}): Promise<PublishResult> {
    const bundle = Buffer.from(`code of ${relativeFileloc}`);
    return this.publication.publishFile({
      bundleName: 'dags', relativeFileloc, fileloc: `/dags/${relativeFileloc}`, bundleHash: createHash('sha256').update(bundle).digest('hex'), bundle, source: 'source',
      dagDocuments: documents.map((document) => JSON.stringify(document)), importError: null, parseDurationMs: 12, ...more,
    });
  }

  async rows<Row extends Record<string, unknown>>(text: string): Promise<Row[]> {
    return (await this.migrated.database.pool.query<Row>(text)).rows;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const broker of this.brokers) await broker.stop();
    await this.migrated[Symbol.asyncDispose]();
  }
}

const task = (taskId: string, upstream: string[] = [], more: object = {}): object => ({ taskId, operator: 'BashOperator', upstream, definedAt: `etl.ts:${taskId.length + 10}`, ...more });
const dag = (dagId: string, more: object = {}): object => ({ format: 1, dagId, tasks: [task('a'), task('bb', ['a'])], definedAt: 'etl.ts:3', ...more });
const hourly = { schedule: { kind: 'cron', expressions: ['0 * * * *'], timezone: 'UTC' }, startDate: '2026-01-01T00:00:00Z' };
const importErrors = (rig: Rig): Promise<Record<string, unknown>[]> => rig.rows('select relative_fileloc as file, stack_trace as text, line from import_error order by 1');

describe('publishing a dag file', () => {
  it('stores dag, version and bundle, plans the next run, and wakes schedulers', async () => {
    await using rig = await Rig.open();
    expect(await rig.publish('etl.ts', [dag('etl', { ...hourly, tags: ['b', 'a', 'b'] })])).toEqual({ dags: [{ dagId: 'etl', versionNumber: 1, changed: true }], refused: '' });
    const [row] = await rig.rows('select d.*, v.bundle_hash, next_run_after > now() as is_ahead from dag d join dag_version v on v.id = d.current_version_id');
    expect(row).toMatchObject({
      dag_id: 'etl', bundle_name: 'dags', relative_fileloc: 'etl.ts', tags: ['a', 'b'], owners: ['millrace'], is_paused: false, is_stale: false, timetable_summary: '0 * * * *',
      last_parse_duration: expect.closeTo(0.012) as number,
    });
    expect(row!['next_run_after']).toBeInstanceOf(Date);
    await waitFor(() => rig.woken.includes('etl'), { timeoutMs: 5_000, what: 'schedulers to be woken' });
  });

  it('makes no new version of the same content, and the next number for other content', async () => {
    await using rig = await Rig.open();
    await rig.publish('etl.ts', [dag('etl')]);
    expect((await rig.publish('etl.ts', [dag('etl')])).dags).toEqual([{ dagId: 'etl', versionNumber: 1, changed: false }]);
    expect((await rig.publish('etl.ts', [dag('etl', { description: 'new' })])).dags).toEqual([{ dagId: 'etl', versionNumber: 2, changed: true }]);
    expect((await rig.publish('etl.ts', [dag('etl')])).dags).toEqual([{ dagId: 'etl', versionNumber: 1, changed: true }]);
    expect(await rig.rows('select version_number from dag_version order by 1')).toEqual([{ version_number: 1 }, { version_number: 2 }]);
  });

  it('keeps the planned next run while the schedule stays, and plans anew when it changes', async () => {
    await using rig = await Rig.open();
    await rig.publish('etl.ts', [dag('etl', hourly)]);
    await rig.rows(`update dag set next_run_after = '2026-01-05T00:00:00Z'`);
    await rig.publish('etl.ts', [dag('etl', { ...hourly, description: 'other words' })]);
    expect(await rig.rows(`select next_run_after = '2026-01-05T00:00:00Z' as kept from dag`)).toEqual([{ kept: true }]);
    await rig.publish('etl.ts', [dag('etl', { ...hourly, schedule: null })]);
    expect(await rig.rows('select next_run_after, timetable_summary, timetable_description from dag')).toEqual([{ next_run_after: null, timetable_summary: null, timetable_description: 'Never, external triggers only' }]);
  });

  it.each([
    ['a document of another shape', [{ format: 1, dagId: 'etl', definedAt: 'etl.ts:3', tasks: [task('a', [], { retries: -1 })] }], /etl\.ts:11: dag "etl", task "a", retries: /, 11],
    ['an unusable id', [dag('no/slash')], /etl\.ts:3: dag "no\/slash", dagId: a dag id may hold/, 3],
    ['a cycle', [dag('etl', { tasks: [task('a', ['bb']), task('bb', ['a'])] })], /etl\.ts:12: dag "etl": .*circle: a -> bb -> a/, 12],
    ['an unknown upstream', [dag('etl', { tasks: [task('a', ['zzz'])] })], /etl\.ts:11: .*zzz/, 11],
    ['a bad cron', [dag('etl', { schedule: { kind: 'cron', expressions: ['61 * * * *'], timezone: 'UTC' } })], /etl\.ts:3: schedule of dag "etl": .*61/, 3],
    ['two dags of one id', [dag('etl'), dag('etl')], /dag "etl" is defined twice/, 3],
    ['an unknown team', [dag('etl', { team: 'ghosts' })], /team "ghosts" does not exist/, 3],
    ['a character that cannot be stored', [dag('etl', { description: 'a\0b' })], /U\+0000/, 3],
  ])('refuses %s, with file and line, and keeps the last good version', async (_, documents, text, line) => {
    await using rig = await Rig.open();
    await rig.publish('etl.ts', [dag('etl')]);
    const result = await rig.publish('etl.ts', documents);
    expect(result.dags).toEqual([]);
    expect(result.refused).toMatch(text);
    expect(await importErrors(rig)).toEqual([{ file: 'etl.ts', text: expect.stringMatching(text) as string, line }]);
    expect(await rig.rows('select dag_id, has_import_errors, is_stale from dag')).toEqual([{ dag_id: 'etl', has_import_errors: true, is_stale: false }]);
    await rig.publish('etl.ts', [dag('etl')]);
    expect(await importErrors(rig)).toEqual([]);
    expect(await rig.rows('select has_import_errors from dag')).toEqual([{ has_import_errors: false }]);
  });

  it('keeps what the processor says of a file that cannot be imported', async () => {
    await using rig = await Rig.open();
    await rig.publish('etl.ts', [], { importError: { stackTrace: 'etl.ts:7:3: Unexpected "}"', filename: 'etl.ts', line: 7 } });
    expect(await importErrors(rig)).toEqual([{ file: 'etl.ts', text: 'etl.ts:7:3: Unexpected "}"', line: 7 }]);
  });

  it('refuses a bundle whose bytes are not the announced ones', async () => {
    await using rig = await Rig.open();
    expect((await rig.publish('etl.ts', [dag('etl')], { bundleHash: 'f'.repeat(64) })).refused).toContain('publish the file again');
    expect(await rig.rows('select 1 from dag')).toEqual([]);
  });

  it('refuses a dag id that another file has, naming both, and gives it over when that file is gone', async () => {
    await using rig = await Rig.open();
    await rig.publish('one.ts', [dag('etl')]);
    expect((await rig.publish('two.ts', [dag('etl')])).refused).toMatch(/used by two files: dags\/one\.ts \(which keeps it\) and dags\/two\.ts/);
    expect(await rig.publication.reportFolder('dags', ['two.ts'])).toEqual({ staleDags: 1 });
    expect((await rig.publish('two.ts', [dag('etl')])).refused).toBe('');
    expect(await rig.rows('select relative_fileloc, is_stale from dag')).toEqual([{ relative_fileloc: 'two.ts', is_stale: false }]);
  });

  it('makes dags stale that a file or folder no longer has, keeps their history, and takes them back', async () => {
    await using rig = await Rig.open();
    await rig.publish('etl.ts', [dag('one'), dag('two')]);
    await rig.publish('etl.ts', [dag('one')]);
    expect(await rig.rows('select dag_id, is_stale from dag order by 1')).toEqual([{ dag_id: 'one', is_stale: false }, { dag_id: 'two', is_stale: true }]);
    await rig.publish('etl.ts', [], { importError: { stackTrace: 'x', filename: 'etl.ts', line: 0 } });
    expect(await rig.publication.reportFolder('dags', [])).toEqual({ staleDags: 1 });
    expect(await importErrors(rig)).toEqual([]);
    const back = await rig.publish('etl.ts', [dag('one'), dag('two')]);
    expect(back.dags).toEqual([{ dagId: 'one', versionNumber: 1, changed: true }, { dagId: 'two', versionNumber: 1, changed: true }]);
    expect(await rig.rows('select count(*)::int as stale from dag where is_stale')).toEqual([{ stale: 0 }]);
  });

  it('gives two publications at once of one dag id to exactly one file', async () => {
    await using rig = await Rig.open();
    const results = await Promise.all(['a.ts', 'b.ts', 'c.ts', 'd.ts'].map((file) => rig.publish(file, [dag('etl')])));
    expect(results.filter((result) => result.refused === '')).toHaveLength(1);
  });

  it('notes the assets a dag waits for, reads and writes', async () => {
    await using rig = await Rig.open();
    const asset = (name: string): object => ({ name, uri: `s3://${name}` });
    await rig.publish('etl.ts', [dag('etl', { schedule: { kind: 'assets', condition: { all: [{ asset: asset('x') }, { any: [{ asset: asset('y') }] }] } }, tasks: [task('a', [], { inlets: [asset('x')], outlets: [asset('z')] })] })]);
    expect(await rig.rows('select a.name, r.kind, r.task_id from asset_dag_reference r join asset a on a.id = r.asset_id order by 1, 2')).toEqual([
      { name: 'x', kind: 'inlet', task_id: 'a' }, { name: 'x', kind: 'schedule', task_id: '' }, { name: 'y', kind: 'schedule', task_id: '' }, { name: 'z', kind: 'outlet', task_id: 'a' },
    ]);
    expect(await rig.rows('select timetable_summary, next_run_after from dag')).toEqual([{ timetable_summary: 'Asset', next_run_after: null }]);
  });
});
