import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '@millrace/test-services';
import { stringify } from 'yaml';
import { eventually } from '../harness/eventually.js';

/**
 * The programs of these that are not installed. `npm test` installs them where it may; where CI is set a missing one is an error, elsewhere it is said
 * aloud: nothing is skipped in silence.
 * @param what goes unchecked without them
 */
export function missingPrograms(what: string, ...programs: readonly string[]): readonly string[] {
  const missing = programs.filter((program) => spawnSync(program, ['--version']).error !== undefined);
  if (missing.length === 0) return missing;
  const sentence = `${what} cannot be checked. Not installed: ${missing.join(', ')} (apt-get install prometheus prometheus-postgres-exporter)`;
  if (process.env['CI']) throw new Error(sentence);
  console.warn(`SKIPPED: ${sentence}`);
  return missing;
}

export interface ScrapeJob {
  readonly name: string;
  readonly targets: readonly string[];
  readonly path?: string;
  readonly params?: Readonly<Record<string, readonly string[]>>;
}

/** A Prometheus of the test's own: own port, own data, scraping every second. */
export class OwnPrometheus implements AsyncDisposable {
  private constructor(
    readonly url: string,
    private readonly folder: string,
    private readonly child: ChildProcess,
  ) {}

  static async start(jobs: readonly ScrapeJob[]): Promise<OwnPrometheus> {
    const folder = mkdtempSync(join(tmpdir(), 'millrace-prometheus-'));
    const file = join(folder, 'prometheus.yml');
    writeFileSync(file, stringify({
      global: { scrape_interval: '1s' },
      scrape_configs: jobs.map(({ name, targets, path = '/metrics', params = {} }) => ({ job_name: name, honor_labels: true, metrics_path: path, params, static_configs: [{ targets }] })),
    }));
    const port = await freePort();
    const child = spawn('prometheus', [`--config.file=${file}`, `--storage.tsdb.path=${join(folder, 'data')}`, `--web.listen-address=127.0.0.1:${port}`, '--log.level=error'], { stdio: 'ignore' });
    const prometheus = new OwnPrometheus(`http://127.0.0.1:${port}`, folder, child);
    await eventually('Prometheus to be ready', async () => (await fetch(`${prometheus.url}/-/ready`)).ok, 30_000);
    return prometheus;
  }

  /** Series an instant query gives. @throws with Prometheus' sentence when it is no query */
  async query(expression: string): Promise<readonly { readonly metric: Readonly<Record<string, string>>; readonly value: readonly [number, string] }[]> {
    const answer = (await (await fetch(`${this.url}/api/v1/query`, { method: 'POST', body: new URLSearchParams({ query: expression }) })).json()) as { status: string; error?: string; data: { result: never[] } };
    if (answer.status !== 'success') throw new Error(`${expression}: ${answer.error}`);
    return answer.data.result;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const exited = once(this.child, 'exit');
    this.child.kill('SIGTERM');
    await exited;
    rmSync(this.folder, { recursive: true, force: true });
  }
}
