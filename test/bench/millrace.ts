import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Constellation, type Settings } from '../harness/constellation.js';
import { eventually } from '../harness/eventually.js';
import { REPOSITORY_ROOT } from '../harness/repository-root.js';
import { cpuSeconds, peakMemoryMb, treeCpuSeconds } from './measure/cpu.js';
import { databaseCpuSeconds } from './measure/database-cpu.js';
import { percentile } from './measure/statistics.js';

export interface MillraceSettings {
  readonly schedulers: number;
  readonly workers: number;
  readonly concurrency: number;
  readonly queueType: 'quorum' | 'classic';
  readonly continuation: boolean;
  readonly brokerPid: number | null;
  readonly only: ReadonlySet<string>;
  readonly sizes: { readonly chain3Runs: number; readonly hopRuns: number; readonly fanRuns: number; readonly batchRuns: number; readonly wideTasks: number };
  readonly profileFolder: string | null;
  readonly progress: (text: string) => void;
}

/** Figures by key, e.g. `chain3.p50_ms`. */
export type Figures = Record<string, number>;

/** Starts the services as separate processes and measures them as a client would: trigger by REST, end told by the database at the commit. */
export async function measureMillrace(settings: MillraceSettings): Promise<Figures> {
  const config: Settings = {
    'broker.queue_type': settings.queueType, 'scheduler.continuation': settings.continuation, 'worker.warm_runners': settings.concurrency,
    ...(settings.only.has('wide100k') ? { 'core.max_map_length': 200_000 } : {}),
  };
  const constellation = await Constellation.start({
    label: 'bench', schedulers: settings.schedulers, dags: [join(REPOSITORY_ROOT, 'test/bench/dags'), ...(settings.only.has('wide100k') ? [join(REPOSITORY_ROOT, 'test/bench/dags-large')] : [])], settings: config, ...(settings.profileFolder === null ? {} : { profileFolder: settings.profileFolder }),
    workers: Array.from({ length: settings.workers }, () => ({ queues: ['default'], concurrency: settings.concurrency })),
  });
  try {
    const bench = new Bench(constellation, settings);
    await bench.published();
    await bench.listen();
    const figures: Figures = {};
    for (const [name, measure] of Object.entries(bench.all)) {
      if (!settings.only.has(name)) continue;
      settings.progress(`millrace: ${name} …`);
      Object.assign(figures, await measure());
    }
    return figures;
  } finally {
    for (const complaint of await constellation.stop()) settings.progress(`complaint: ${complaint}`);
  }
}

const WARM_UP_RUNS = 200;

class Bench {
  private lastRun = 0;
  private readonly ended = new Map<string, string>();
  private onEnd: (() => void) | undefined;

  readonly all: Readonly<Record<string, () => Promise<Figures>>> = {
    chain3: () => this.chain3(), hop: () => this.hop(), fan100: () => this.fan100(), batch200: () => this.batch200(), wide: () => this.wide('wide'), wide100k: () => this.wide('wide100k'),
  };

  constructor(private readonly constellation: Constellation, private readonly settings: MillraceSettings) {}

  async published(): Promise<void> {
    const wanted = ['chain3', 'hop', 'fan100', ...(this.settings.only.has('wide') || this.settings.only.has('wide100k') ? ['wide', 'wide_warm'] : []), ...(this.settings.only.has('wide100k') ? ['wide100k'] : [])];
    await eventually('the bench dags to be published', async () => {
      const { rows } = await this.constellation.database.query('select 1 from dag where dag_id = any($1) and current_version_id is not null', [wanted]);
      return rows.length === wanted.length;
    }, this.settings.only.has('wide100k') ? 300_000 : 60_000).catch(async (error: unknown) => {
      const { rows } = await this.constellation.database.query('select relative_fileloc, stack_trace from import_error');
      throw new Error(`${String(error)}; import errors: ${JSON.stringify(rows)}`);
    });
  }

  private async chain3(): Promise<Figures> {
    // Services run for weeks: what is measured is compiled code.
    for (let i = 0; i < WARM_UP_RUNS; i++) await this.timed('chain3');
    const times: number[] = [];
    for (let i = 0; i < this.settings.sizes.chain3Runs; i++) times.push(await this.timed('chain3'));
    return { 'chain3.p50_ms': percentile(times, 0.5), 'chain3.p95_ms': percentile(times, 0.95) };
  }

  private async fan100(): Promise<Figures> {
    for (let i = 0; i < 5; i++) await this.timed('fan100');
    const times: number[] = [];
    for (let i = 0; i < this.settings.sizes.fanRuns; i++) times.push(await this.timed('fan100'));
    return { 'fan100.p50_ms': percentile(times, 0.5) };
  }

  private async hop(): Promise<Figures> {
    await this.timed('hop');
    const measured = new Set<string>();
    for (let i = 0; i < this.settings.sizes.hopRuns; i++) {
      await this.timed('hop');
      measured.add(this.nameOf('hop', this.lastRun));
    }
    const gaps = gapsOf(readFileSync(this.constellation.ledgerFile, 'utf8'), measured);
    return { 'hop.p50_ms': percentile(gaps, 0.5), 'hop.p95_ms': percentile(gaps, 0.95) };
  }

  private async batch200(): Promise<Figures> {
    const count = this.settings.sizes.batchRuns;
    for (let i = 0; i < 5; i++) await this.finished(await this.triggerMany('chain3', count));
    const times: number[] = [];
    const before = await this.cpu();
    for (let i = 0; i < 5; i++) {
      const began = performance.now();
      await this.finished(await this.triggerMany('chain3', count));
      times.push((performance.now() - began) / 1e3);
    }
    const after = await this.cpu();
    const seconds = percentile(times, 0.5);
    const split = Object.entries(after).map(([part, cpu]) => [`batch200.cpu_us_per_run.${part}`, ((cpu - (before[part] ?? 0)) * 1e6) / (5 * count)] as const);
    return { 'batch200.runs_per_s': count / seconds, 'batch200.tasks_per_s': (3 * count) / seconds, ...Object.fromEntries(split) };
  }

  private async wide(name: 'wide' | 'wide100k'): Promise<Figures> {
    for (let i = 0; i < 3; i++) await this.timed('wide_warm');
    const [before, commitsBefore] = [await this.cpu(), await this.commits()];
    const ms = await this.timed(name);
    const [after, commitsAfter] = [await this.cpu(), await this.commits()];
    const { rows } = await this.constellation.database.query<{ count: number }>('select count(*)::int as count from task_instance where run_id = $1', [this.nameOf(name, this.lastRun)]);
    const tasks = rows[0]?.count ?? Number.NaN;
    const split = Object.entries(after).map(([part, seconds]) => [`${name}.cpu_us_per_task.${part}`, ((seconds - (before[part] ?? 0)) * 1e6) / tasks] as const);
    return {
      [`${name}.tasks_per_s`]: (tasks / ms) * 1e3,
      [`${name}.cpu_us_per_task`]: split.reduce((sum, [, us]) => sum + us, 0),
      ...Object.fromEntries(split),
      [`${name}.commits_per_task`]: (commitsAfter - commitsBefore) / tasks,
      [`${name}.scheduler_peak_mb`]: Math.max(...this.named('scheduler').map((pid) => peakMemoryMb(pid))),
    };
  }

  private async cpu(): Promise<Record<string, number>> {
    const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
    const workers = this.named('worker');
    const supervisors = sum(workers.map(cpuSeconds));
    return {
      scheduler: sum(this.named('scheduler').map(cpuSeconds)), worker: supervisors, runners: sum(workers.map(treeCpuSeconds)) - supervisors,
      api: sum(this.named('api').map(cpuSeconds)),
      postgresql: await databaseCpuSeconds(this.constellation.database),
      rabbitmq: this.settings.brokerPid === null ? Number.NaN : cpuSeconds(this.settings.brokerPid),
    };
  }

  /** Transactions of this database so far. Backends report about once a second, so it is ± a few. */
  private async commits(): Promise<number> {
    const { rows } = await this.constellation.database.query<{ count: number }>('select xact_commit::int as count from pg_stat_database where datname = current_database()');
    return rows[0]?.count ?? Number.NaN;
  }

  private named(kind: string): number[] {
    return this.constellation.serviceNames.filter((name) => name.startsWith(kind)).map((name) => this.constellation.service(name).pid);
  }

  private nameOf(dag: string, run: number): string {
    return `bench_${dag}_${run}`;
  }

  /** Ms from sending the trigger to reading the run's end in the database. */
  private async timed(dag: string): Promise<number> {
    const began = performance.now();
    await this.finished(await this.triggerMany(dag, 1));
    return performance.now() - began;
  }

  private async triggerMany(dag: string, count: number): Promise<string[]> {
    const names = Array.from({ length: count }, () => this.nameOf(dag, ++this.lastRun));
    const waiting = [...names];
    // 20 connections, as a busy client has.
    await Promise.all(Array.from({ length: Math.min(20, count) }, async () => {
      for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
        await this.constellation.client.must('POST', `/api/v2/dags/${dag}/dagRuns`, { dag_run_id: name, logical_date: null });
      }
    }));
    return names;
  }

  /**
   * The bench's own database tells it of each run's end in the very commit: asking every millisecond would take a good part of one of two cores
   * from what is measured.
   */
  async listen(): Promise<void> {
    const { database } = this.constellation;
    await database.query(`create or replace function bench_told() returns trigger language plpgsql as $$ begin perform pg_notify('bench', new.state || ' ' || new.run_id); return null; end $$`);
    await database.query(`create trigger bench_told after update of state on dag_run for each row when (new.state in ('success', 'failed') and old.state <> new.state) execute function bench_told()`);
    database.on('notification', ({ payload = '' }) => {
      const [state = '', name = ''] = payload.split(' ');
      this.ended.set(name, state);
      this.onEnd?.();
    });
    await database.query('listen bench');
  }

  private async finished(names: readonly string[]): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.onEnd = () => {
        const states = names.map((name) => this.ended.get(name));
        if (states.includes('failed')) reject(new Error(`a bench run failed: ${names.join(', ').slice(0, 200)}`));
        else if (!states.includes(undefined)) resolve();
      };
      this.onEnd();
    });
    this.onEnd = undefined;
  }
}

/** Ms between the end of each step and the start of the next one of the same run. */
function gapsOf(text: string, runs: ReadonlySet<string>): number[] {
  const times = new Map<string, readonly [bigint, bigint]>();
  for (const line of text.trim().split('\n')) {
    const [run = '', task = '', start = '', end = ''] = line.split(' ');
    if (runs.has(run)) times.set(`${run} ${task}`, [BigInt(start), BigInt(end)]);
  }
  return [...runs].flatMap((run) => Array.from({ length: 49 }, (_, i) => {
    const before = times.get(`${run} step_${i}`);
    const after = times.get(`${run} step_${i + 1}`);
    if (before === undefined || after === undefined) throw new Error(`${run} has no times of step_${i} and the next`);
    return Number(after[0] - before[1]) / 1e6;
  }));
}
