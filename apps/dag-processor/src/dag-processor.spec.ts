import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { Server, ServerCredentials, status } from '@grpc/grpc-js';
import { loadConfiguration } from '@millrace/configuration';
import { bundlesProto } from '@millrace/contracts';
import { tortureStartStop } from '@millrace/lifecycle';
import { createLogger } from '@millrace/telemetry';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createDagProcessor } from './index.js';
import type { DagProcessorService } from './index.js';

const TOKEN = 't'.repeat(40);
const DAG = (id: string, more = '') => `import { dag } from '@millrace/sdk';\nimport { EmptyOperator } from '@millrace/operators';\n${more}\ndag('${id}', {}, () => {\n  new EmptyOperator('only');\n});\n`;

/** The api's side, keeping what it was told. */
class FakeApi {
  readonly published: bundlesProto.PublishFileRequest[] = [];
  readonly reports: string[][] = [];
  readonly processors = new Set<string>();
  readonly gone = new Set<string>();
  readonly toExtend: bundlesProto.TimetableToExtend[] = [];
  readonly extended: bundlesProto.ExtendTimetableRequest[] = [];
  refuse: (request: bundlesProto.PublishFileRequest) => string = () => '';
  down = false;
  port = 0;
  private readonly server = new Server({ 'grpc.max_receive_message_length': 16 * 1_048_576 });
  private readonly watchers = new Set<() => void>();

  async start(): Promise<void> {
    const guarded = <Q, A>(answer: (request: Q) => A) => (call: { request: Q; metadata: { get(name: string): unknown[] } }, done: (error: { code: number; details: string } | null, answer?: A) => void): void => {
      if (call.metadata.get('authorization')[0] !== `Bearer ${TOKEN}`) done({ code: status.UNAUTHENTICATED, details: 'wrong token' });
      else if (this.down) done({ code: status.UNAVAILABLE, details: 'away' });
      else done(null, answer(call.request));
      for (const look of this.watchers) look();
    };
    this.server.addService(bundlesProto.BundlesServiceService, {
      publishFile: guarded((request: bundlesProto.PublishFileRequest) => {
        const refused = this.refuse(request);
        this.published.push(request);
        return { dags: refused === '' ? request.dagDocuments.map((text) => ({ dagId: (JSON.parse(text) as { dagId: string }).dagId, versionNumber: 1, changed: true })) : [], refused };
      }),
      reportFolder: guarded((request: bundlesProto.ReportFolderRequest) => {
        this.reports.push(request.relativeFilelocs);
        return { staleDags: 0 };
      }),
      takeSource: guarded(() => ({})),
      takeTimetables: guarded(() => ({ timetables: this.toExtend.splice(0) })),
      extendTimetable: guarded((request: bundlesProto.ExtendTimetableRequest) => {
        this.extended.push(request);
        return { accepted: true };
      }),
      heartbeat: guarded((request: bundlesProto.HeartbeatRequest) => {
        this.processors.add(request.processorId);
        if (request.leaving) this.gone.add(request.processorId);
        return {};
      }),
    } as never);
    this.port = await new Promise((resolve, reject) => this.server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => (error === null ? resolve(port) : reject(error))));
  }

  /** Waits until the api has been told enough. */
  async until<T>(find: () => T | undefined): Promise<T> {
    for (;;) {
      const found = find();
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => {
        const look = (): void => {
          this.watchers.delete(look);
          resolve();
        };
        this.watchers.add(look);
      });
    }
  }

  publishedOf(path: string, from = 0): bundlesProto.PublishFileRequest | undefined {
    return this.published.slice(from).find((request) => request.relativeFileloc === path);
  }

  stop(): void {
    this.server.forceShutdown();
  }
}

let home: string;
let dags: string;
let api: FakeApi;
let processor: DagProcessorService;
let lines: string[];

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'millrace-processor-'));
  dags = join(home, 'dags');
  mkdirSync(dags);
  api = new FakeApi();
  await api.start();
  lines = [];
  processor = create();
});
afterEach(async () => {
  await processor.stop();
  api.stop();
  rmSync(home, { recursive: true, force: true });
});

function create(): DagProcessorService {
  const stream = new Writable({ write: (chunk, _, done) => { lines.push(String(chunk)); done(); } });
  const config = loadConfiguration({ env: {}, overrides: { 'core.home': home, 'dag_processor.ops_port': 0, 'dag_processor.api_address': `127.0.0.1:${api.port}`, 'dag_processor.parse_timeout_ms': 5_000, 'dag_processor.rescan_every_ms': 300, 'security.internal_token': TOKEN } });
  return createDagProcessor({ config, logger: createLogger({ service: 'dag-processor', stream }) });
}

/** A timetable in a plugin, as a team would share one. */
const EVERY_TENTH_HOUR = `import { Timetable } from '@millrace/sdk';
export class TenthHours extends Timetable {
  override get summary() { return 'each tenth hour'; }
  override nextRun(last: { end: Date } | null, { now }: { now: Date }) {
    if ((last?.end.getUTCFullYear() ?? 0) > 2100) throw new Error('the calendar ends in 2100');
    return new Date((last?.end.getTime() ?? Math.floor(now.getTime() / 36_000_000) * 36_000_000) + 36_000_000);
  }
}
`;

describe('a timetable of one’s own', () => {
  const hour = 3_600_000;

  it('is published with its first runs, and goes on from what the api hands over, whatever the folder holds', async () => {
    mkdirSync(join(home, 'plugins'));
    writeFileSync(join(home, 'plugins', 'tenth-hours.ts'), EVERY_TENTH_HOUR);
    writeFileSync(join(dags, 'own.ts'), `import { dag } from '@millrace/sdk';\nimport { TenthHours } from 'plugins/tenth-hours.js';\ndag('own', { schedule: new TenthHours() }, () => {});\ndag('plain', {}, () => {});\n`);
    await processor.start();
    const { timetables, dagDocuments, bundle } = await api.until(() => api.publishedOf('own.ts'));
    expect((JSON.parse(dagDocuments[0] ?? '') as { schedule: object }).schedule).toEqual({ kind: 'custom', name: 'TenthHours', summary: 'each tenth hour', description: 'each tenth hour' });
    expect(timetables.map((one) => [one.dagId, one.isComplete, one.runs.length])).toEqual([['own', false, 500]]);
    const times = timetables[0]!.runs.map((run) => run.runAfterMs);
    expect(times.slice(1).every((time, at) => (times[at] ?? 0) + 10 * hour === time)).toBe(true);

    writeFileSync(join(dags, 'own.ts'), 'broken(');
    const after = timetables[0]!.runs.at(-1)!;
    api.toExtend.push({ dagId: 'own', versionId: 'v1', bundle, after, nowMs: Date.now() });
    const extended = await api.until(() => api.extended[0]);
    expect(extended).toMatchObject({ versionId: 'v1', error: '', after });
    expect(extended.timetable!.runs[0]!.runAfterMs).toBe(after.runAfterMs + 10 * hour);

    const late = { logicalDateMs: Date.UTC(2200, 0), intervalStartMs: Date.UTC(2200, 0), intervalEndMs: Date.UTC(2200, 0), runAfterMs: Date.UTC(2200, 0) };
    api.toExtend.push({ dagId: 'own', versionId: 'v1', bundle, after: late, nowMs: Date.now() });
    expect(await api.until(() => api.extended[1])).toMatchObject({ error: 'Error: the calendar ends in 2100', timetable: { runs: [] } });
  });
});

describe('dag-processor', () => {
  it('publishes what is there, what comes, what changes, and tells what is gone', async () => {
    writeFileSync(join(dags, 'first.ts'), DAG('first'));
    writeFileSync(join(dags, '_helper.ts'), DAG('never'));
    await processor.start();
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ message: 'ready', ops_port: processor.opsPort });
    const first = await api.until(() => api.publishedOf('first.ts'));
    expect(first).toMatchObject({ bundleName: 'dags', fileloc: join(dags, 'first.ts'), importError: undefined });
    expect(JSON.parse(first.dagDocuments[0] ?? '')).toMatchObject({ dagId: 'first', definedAt: 'first.ts:4', tasks: [{ taskId: 'only', definedAt: 'first.ts:5' }] });
    await api.until(() => api.reports.find((report) => report.join() === 'first.ts'));

    mkdirSync(join(dags, 'team'));
    writeFileSync(join(dags, 'team', 'second.ts'), DAG('second'));
    await api.until(() => api.publishedOf('team/second.ts'));
    await api.until(() => api.reports.find((report) => report.join() === 'first.ts,team/second.ts'));

    const before = api.published.length;
    writeFileSync(join(dags, 'first.ts'), DAG('first', '// changed'));
    const changed = await api.until(() => api.publishedOf('first.ts', before));
    expect(changed.bundleHash).not.toBe(first.bundleHash);
    expect(api.published.slice(before).every((request) => request.relativeFileloc === 'first.ts')).toBe(true);

    unlinkSync(join(dags, 'first.ts'));
    await api.until(() => api.reports.find((report) => report.join() === 'team/second.ts'));
    expect((await fetch(`http://127.0.0.1:${processor.opsPort}/health`)).status).toBe(200);
    expect(api.processors.size).toBe(1);
    expect(api.gone.size).toBe(0);
    await processor.stop();
    expect(api.gone).toEqual(api.processors);
  });

  it('publishes an import error with place and excerpt, and the dag when it is mended', async () => {
    writeFileSync(join(dags, 'broken.ts'), DAG('broken', 'const x = ;'));
    writeFileSync(join(dags, 'fine.ts'), DAG('fine'));
    await processor.start();
    const broken = await api.until(() => api.publishedOf('broken.ts'));
    expect(broken).toMatchObject({ dagDocuments: [], importError: { filename: 'broken.ts', line: 3 } });
    expect(broken.importError?.stackTrace).toContain('> 3 | const x = ;');
    expect((await api.until(() => api.publishedOf('fine.ts'))).dagDocuments).toHaveLength(1);
    const before = api.published.length;
    writeFileSync(join(dags, 'broken.ts'), DAG('broken'));
    expect((await api.until(() => api.publishedOf('broken.ts', before))).dagDocuments).toHaveLength(1);
  });

  it('waits for an api that is away, and tells it everything when it is back', async () => {
    api.down = true;
    writeFileSync(join(dags, 'a.ts'), DAG('a'));
    await processor.start();
    await api.until(() => (lines.some((line) => line.includes('the api does not answer')) ? true : undefined));
    expect((await fetch(`http://127.0.0.1:${processor.opsPort}/health`)).status).toBe(503);
    api.down = false;
    await api.until(() => api.publishedOf('a.ts'));
    await api.until(() => (api.reports.length > 0 ? true : undefined));
  });

  it('tries a refused file again once something else has changed', async () => {
    api.refuse = (request) => (request.relativeFileloc === 'b.ts' && !api.reports.some((report) => report.join() === 'b.ts') ? 'dag "a" belongs to a.ts' : '');
    writeFileSync(join(dags, 'a.ts'), DAG('a'));
    await processor.start();
    await api.until(() => (lines.some((line) => line.includes('"published"')) ? true : undefined));
    await api.until(() => api.reports.find((report) => report.join() === 'a.ts'));
    renameSync(join(dags, 'a.ts'), join(dags, 'b.ts'));
    await api.until(() => (api.published.filter((request) => request.relativeFileloc === 'b.ts').length > 1 ? true : undefined));
    expect(lines.some((line) => line.includes('belongs to a.ts'))).toBe(true);
  });

  it('follows a symlink that is swapped', async () => {
    rmSync(dags, { recursive: true });
    for (const release of ['one', 'two']) {
      mkdirSync(join(home, release));
      writeFileSync(join(home, release, 'd.ts'), DAG('d', `// ${release}`));
    }
    symlinkSync(join(home, 'one'), dags);
    await processor.start();
    const first = await api.until(() => api.publishedOf('d.ts'));
    symlinkSync(join(home, 'two'), join(home, 'next'));
    renameSync(join(home, 'next'), dags);
    const second = await api.until(() => api.published.find((request) => request.bundleHash !== first.bundleHash));
    expect(second.source).toContain('// two');
    expect(api.reports.every((report) => report.join() === 'd.ts')).toBe(true);
  });

  it('survives being started and stopped in any order', async () => {
    writeFileSync(join(dags, 'a.ts'), DAG('a'));
    // Every start begins a process, hence fewer rounds.
    await tortureStartStop(create(), { rounds: 60 });
  });
});
