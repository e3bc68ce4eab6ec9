import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { CDPSession, Page } from 'playwright-core';
import { it } from 'vitest';
import { dagDocumentSchema } from '@millrace/contracts';
import type { DagDocumentInput } from '@millrace/contracts';
import { REPOSITORY_ROOT } from '../../harness/repository-root.js';
import { chromiumPath, logIn, openBrowser, visit } from '../../ui/browser.js';
import { TestStandalone } from '../../ui/standalone.js';

const DAGS = 1_000;
const RUNS_OF_EACH = 10;
const TASKS = 1_000;
const RUNS = 365;
const NODES = 300;

/** Sizes and times of the UI: MILLRACE_UI_BENCH=1 MILLRACE_TEST_CHROMIUM=$(which chromium) npx vitest run test/bench/ui */
it.skipIf(process.env['MILLRACE_UI_BENCH'] !== '1')('measures the web UI', { timeout: 1_200_000 }, async () => {
  await using server = await TestStandalone.start(null);
  await fill(server);
  const browser = await openBrowser(chromiumPath()!);
  const rows: [string, string, string?, string?][] = [];
  try {
    const site = join(REPOSITORY_ROOT, 'apps', 'web', 'dist', 'site', 'static');
    const packed = (name: RegExp): number => readdirSync(site).filter((file) => name.test(file)).reduce((sum, file) => sum + gzipSync(readFileSync(join(site, file))).length, 0);
    rows.push(['all scripts, packed, without ELK', kB(packed(/^(?!elk-worker).*\.js$/))], ['styles, packed', kB(packed(/\.css$/))], ['ELK, packed (with the first graph)', kB(packed(/^elk-worker.*\.js$/))]);

    await using here = await visit(browser, server.url);
    const { page } = here;
    const devTools = await here.context.newCDPSession(page);
    // Processor time of the page's main thread: on a busy machine it says more than the clock.
    await devTools.send('Performance.enable', { timeDomain: 'threadTicks' });
    await logIn(page);
    await page.locator('.tile').first().waitFor();
    rows.push(['sent for login and home, with fonts', kB(await page.evaluate<number>('performance.getEntries().reduce((sum, one) => sum + (one.transferSize ?? 0), 0)'))]);
    const timed = async (name: string, address: string, sign: string): Promise<void> => {
      const times: number[] = [];
      const paints: number[] = [];
      const worked: number[] = [];
      for (let round = 0; round < 5; round++) {
        await page.goto('about:blank');
        const before = await mainThreadMs(devTools);
        await page.goto(server.url + address, { waitUntil: 'commit' });
        await page.locator(sign).first().waitFor().catch(async (error: unknown) => {
          throw new Error(`${address} shows: ${(await page.locator('body').innerText()).slice(0, 600)}; ${here.complaints.join('; ')}`, { cause: error });
        });
        times.push(await page.evaluate<number>('new Promise((done) => requestAnimationFrame(() => setTimeout(() => done(performance.now()))))'));
        paints.push(await page.evaluate<number>(`performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? Number.NaN`));
        const after = await mainThreadMs(devTools);
        // Another process may show the page: it counts from its beginning.
        worked.push(after >= before ? after - before : after);
      }
      rows.push([name, `${Math.round(middle(times))} ms`, `${Math.round(middle(worked))} ms`, `${Math.round(middle(paints))} ms`]);
    };
    await timed('home, usable', '/', '.tile');
    await timed(`list of ${DAGS} dags, usable`, '/dags', '.recent-run');
    await timed(`grid of ${TASKS} × ${RUNS}, first cells`, '/dags/wide', '.cell');
    await timed(`graph of ${NODES} tasks, drawn`, '/dags/graph300/graph', '.node');
    await page.goto(`${server.url}/dags/wide`);
    await page.locator('.cell').first().waitFor();
    rows.push(['grid, frame while scrolling down', ...(await frames(page, devTools, '.grid-scroll', 0, 90))], ['grid, frame while scrolling to older runs', ...(await frames(page, devTools, '.grid-scroll', -60, 0))]);
    await page.goto(`${server.url}/dags`);
    await page.locator('.recent-run').first().waitFor();
    rows.push(['dags, frame while scrolling down', ...(await frames(page, devTools, '.rows', 0, 120))]);
  } finally {
    await browser.close();
  }
  const width = Math.max(...rows.map(([name]) => name.length));
  process.stdout.write(`\n  ${''.padEnd(width)}  ${'clock'.padStart(10)}  ${'main thread'.padStart(11)}  ${'first paint'.padStart(11)}\n${rows.map(([name, value, worked = '', paint = '']) => `  ${name.padEnd(width)}  ${value.padStart(10)}  ${worked.padStart(11)}  ${paint.padStart(11)}`).join('\n')}\n\n`);
});

/** Milliseconds the page's main thread has worked so far. */
async function mainThreadMs(devTools: CDPSession): Promise<number> {
  const { metrics } = await devTools.send('Performance.getMetrics');
  return (metrics.find((one) => one.name === 'TaskDuration')?.value ?? 0) * 1_000;
}

function middle(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)]!;
}

/** Scrolls for 60 frames. @returns the median time from one to the next, and the main thread's work for one. */
async function frames(page: Page, devTools: CDPSession, frame: string, byX: number, byY: number): Promise<[string, string]> {
  const before = await mainThreadMs(devTools);
  const times = await page.evaluate<number[]>(`new Promise((done) => {
    const element = document.querySelector(${JSON.stringify(frame)});
    const times = [];
    let last = performance.now();
    const step = (now) => {
      times.push(now - last);
      last = now;
      element.scrollBy(${byX}, ${byY});
      if (times.length < 60) requestAnimationFrame(step);
      else done(times.slice(1));
    };
    requestAnimationFrame(step);
  })`);
  const worked = (await mainThreadMs(devTools)) - before;
  return [`${Math.round(middle(times))} ms`, `${(worked / times.length).toFixed(1)} ms`];
}

function kB(bytes: number): string {
  return `${Math.round(bytes / 1_000)} kB`;
}

/** A thousand dags with ten runs each, one of a thousand tasks with a year of runs, one with three hundred nodes. */
async function fill(server: TestStandalone): Promise<void> {
  const { pool } = server.database.database;
  const add = async (input: DagDocumentInput, tags: readonly string[]): Promise<void> => {
    const document = dagDocumentSchema.parse(input);
    await pool.query(`insert into dag_bundle (name) values ('bench') on conflict do nothing`);
    await pool.query(`insert into dag (dag_id, bundle_name, relative_fileloc, fileloc, description, tags, owners, is_paused, timetable_summary) values ($1, 'bench', $1, $1, 'Measured', $2, '{bench}', true, '@daily')`, [document.dagId, tags]);
    await pool.query(`insert into dag_version (id, dag_id, version_number, content_hash, bundle_name, document) values (gen_random_uuid(), $1, 1, $1, 'bench', $2)`, [document.dagId, JSON.stringify(document)]);
    await pool.query(`update dag set current_version_id = (select id from dag_version v where v.dag_id = dag.dag_id) where dag_id = $1`, [document.dagId]);
  };
  const tasks = (count: number, across: number) => Array.from({ length: count }, (_, at) => ({ taskId: `task_${at}`, operator: 'EmptyOperator', upstream: at < across ? [] : [`task_${at - across}`, ...(at % 7 === 0 && at % across !== 0 ? [`task_${at - across - 1}`] : [])] }));
  for (let at = 0; at < DAGS; at++) await add({ format: 1, dagId: `dag_${String(at).padStart(4, '0')}`, tasks: tasks(4, 1) }, [`tag_${at % 12}`]);
  await add({ format: 1, dagId: 'wide', tasks: tasks(TASKS, 20) }, []);
  await add({ format: 1, dagId: 'graph300', tasks: tasks(NODES, 12) }, []);
  const runs = `insert into dag_run (id, dag_id, run_id, dag_version_id, state, run_type, triggered_by, logical_date, run_after, start_date, end_date)
    select gen_random_uuid(), d.dag_id, 'run_' || n, d.current_version_id, case when (n * 7 + length(d.dag_id)) % 11 = 0 then 'failed' else 'success' end, 'scheduled', 'timetable',
      now() - n * interval '1 day', now() - n * interval '1 day', now() - n * interval '1 day', now() - n * interval '1 day' + (n % 9 + 1) * interval '40 seconds' from dag d, generate_series(1, $1) n`;
  await pool.query(`${runs} where d.dag_id not in ('wide', 'graph300')`, [RUNS_OF_EACH]);
  await pool.query(`${runs} where d.dag_id in ('wide', 'graph300')`, [RUNS]);
  await pool.query('set statement_timeout = 0');
  for (let from = 1; from <= RUNS; from += 50) {
    await pool.query(`insert into task_instance (id, dag_run_id, dag_id, run_id, task_id, state, operator, try_number, queued_at, start_date, end_date)
      select gen_random_uuid(), r.id, r.dag_id, r.run_id, t ->> 'taskId', case when random() < 0.02 then 'failed' else 'success' end, 'EmptyOperator', 1, r.start_date, r.start_date, r.end_date
      from dag_run r join dag_version v on v.id = r.dag_version_id, jsonb_array_elements(v.document -> 'tasks') t
      where (r.dag_id = 'wide' or (r.dag_id = 'graph300' and r.run_id = 'run_1')) and substr(r.run_id, 5)::int between $1 and $1 + 49`, [from]);
  }
  // No file has these dags; a pass of the dag-processor over its folder may have noticed.
  await pool.query('update dag set is_stale = false');
  await pool.query('analyze');
}
