import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { testDatabase } from '@millrace/test-services';
import type { TestDatabase } from '@millrace/test-services';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { processFolderOnce } from './index.js';
import type { FileOutcome } from './index.js';

const EXAMPLES = fileURLToPath(new URL('../../../examples', import.meta.url));

let home: string;
let database: TestDatabase;
let outcomes: readonly FileOutcome[];
beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'millrace-examples-'));
  database = await testDatabase();
  outcomes = await processFolderOnce({ path: join(EXAMPLES, 'dags') });
});
afterAll(async () => {
  await database[Symbol.asyncDispose]();
  rmSync(home, { recursive: true, force: true });
});

describe('the examples', () => {
  it('are dags, each of them', () => {
    expect(outcomes.map((outcome) => (outcome.result.ok ? outcome.result.documents.map((document) => document.dagId).join() : outcome.result.failure.text)).sort()).toEqual(['example_asset_orders,example_asset_customers,example_asset_report', 'example_bash_operator', 'example_etl', 'example_plus', 'example_yaml']);
  });

  it('example_plus: the founding sum', async () => {
    const xcoms = await runInOrder('example_plus.ts', 'example_plus', (taskId) => (taskId === 'plus' ? { a: 1, b: 2 } : {}), ['plus']);
    expect(xcoms.get('plus')).toBe(3);
  });

  it('example_etl: its report agrees with the figures computed another way, also after a second run', async () => {
    const params = { flightsFile: '', workDir: join(home, 'work'), reportDir: join(home, 'reports'), connectionId: 'etl_db', table: 'example_flights' };
    for (const round of [1, 2]) {
      const xcoms = await runInOrder('example_etl.ts', 'example_etl', () => params);
      expect(xcoms.get('load')).toEqual({ table: 'example_flights', rows: 20_000 });
      const report = xcoms.get('report') as { file: string };
      const check = spawnSync(process.execPath, [join(EXAMPLES, 'checks', 'check-flights.mjs'), report.file], { encoding: 'utf8' });
      expect(check, `round ${round}`).toMatchObject({ status: 0, stderr: '' });
    }
  });
});

/** Runs the tasks of a bundled dag one after the other as a runner would, without retries, templates or states. */
async function runInOrder(path: string, dagId: string, params: (taskId: string) => object, only?: readonly string[]): Promise<Map<string, unknown>> {
  const outcome = outcomes.find((one) => one.path === path);
  if (outcome?.result.ok !== true) throw new Error(`${path} was not bundled`);
  const file = join(home, `${outcome.result.bundle.hash}.mjs`);
  writeFileSync(file, outcome.result.bundle.code);
  const bundle = (await import(/* @vite-ignore */ pathToFileURL(file).href)) as { __millrace_dags__: Map<string, { tasks: Map<string, { operator: { execute(context: unknown): unknown } }> }> };
  const document = outcome.result.documents.find((one) => one.dagId === dagId);
  const xcoms = new Map<string, unknown>();
  const waiting = new Set(document?.tasks.filter((task) => only === undefined || only.includes(task.taskId)));
  while (waiting.size > 0) {
    const next = [...waiting].find((task) => task.upstream.every((upstream) => xcoms.has(upstream)));
    if (next === undefined) throw new Error('no task can run');
    waiting.delete(next);
    const scratchDir = join(home, 'scratch');
    mkdirSync(scratchDir, { recursive: true });
    const quiet = (): void => undefined;
    const returned: unknown = await bundle.__millrace_dags__.get(dagId)?.tasks.get(next.taskId)?.operator.execute({
      dagId, taskId: next.taskId, runId: 'manual__2026-01-01T00:00:00+00:00', params: params(next.taskId), scratchDir, signal: new AbortController().signal,
      log: { debug: quiet, info: quiet, warn: quiet, error: quiet },
      variables: { get: async () => null },
      connections: { get: async () => connectionOf(database.url) },
      ti: { xcomPull: async ({ taskIds }: { taskIds: string }) => xcoms.get(taskIds) ?? null },
    });
    // As XCom does it: what JSON cannot carry must not work here either.
    xcoms.set(next.taskId, returned === undefined ? null : JSON.parse(JSON.stringify(returned)));
  }
  return xcoms;
}

function connectionOf(text: string): object {
  const url = new URL(text);
  return { connectionId: 'etl_db', connType: 'postgres', host: url.hostname, port: Number(url.port), login: decodeURIComponent(url.username), password: decodeURIComponent(url.password), schema: url.pathname.slice(1), extra: {} };
}
