import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { waitFor } from '@millrace/test-services';
import { chromiumPath, logIn, openBrowser, visit } from './browser.js';
import { PASSWORD, TestStandalone } from './standalone.js';

const path = chromiumPath();
if (path === null) process.stderr.write('\n*** SKIPPED: the web UI was NOT tried in a browser (MILLRACE_TEST_CHROMIUM is not set; npm test sets it).\n\n');

describe.skipIf(path === null)('through the web UI, in Chromium, at a real server', { timeout: 420_000 }, () => {
  let browser: Browser;
  let server: TestStandalone;
  const DAGS = ['hostile', 'hourly', 'orders', 'slow'];

  beforeAll(async () => {
    server = await TestStandalone.start(join(import.meta.dirname, 'dags'));
    browser = await openBrowser(path!);
    await waitFor(async () => {
      const { dags } = await server.call<{ dags: { dag_id: string }[] }>('GET', '/api/v2/dags?limit=100');
      return DAGS.every((id) => dags.some((dag) => dag.dag_id === id));
    }, { what: 'the dags', timeoutMs: 120_000 });
    await server.addUser('vera', 'Viewer');
    for (const id of DAGS) await server.call('PATCH', `/api/v2/dags/${id}`, { is_paused: false });
  }, 300_000);
  afterAll(async () => {
    await browser?.close();
    await server?.[Symbol.asyncDispose]();
  });

  it('1: logs in, refuses a wrong password, keeps the session from scripts, logs out', async () => {
    await using here = await visit(browser, `${server.url}/dags`);
    const { page } = here;
    await page.getByLabel('Name').fill('admin');
    await page.getByLabel('Password', { exact: true }).fill('wrong');
    await page.getByRole('button', { name: 'Log in' }).click();
    await page.getByRole('alert').getByText('Invalid credentials').waitFor();
    await logIn(page);
    await page.getByRole('heading', { name: 'Dags' }).waitFor();
    expect(await page.evaluate<string>('document.cookie + JSON.stringify({ ...localStorage, ...sessionStorage })')).not.toMatch(/eyJ|session/);
    await page.getByRole('button', { name: 'User and settings' }).click();
    await page.getByRole('menuitem', { name: 'Log out' }).click();
    await page.getByRole('button', { name: 'Log in' }).waitFor();
    expect((await page.request.get(`${server.url}/api/v2/dags`)).status()).toBe(401);
    expect(here.complaints).toEqual([]);
  });

  it('2: finds a dag by its text and tag, stars it, pauses it and takes that back', async () => {
    await using here = await visit(browser, `${server.url}/dags`);
    const { page } = here;
    await logIn(page);
    await page.getByRole('searchbox', { name: 'Search dags' }).fill('warehouse');
    await page.getByRole('row').filter({ hasText: 'orders' }).waitFor();
    await page.getByRole('row').filter({ hasText: 'slow' }).waitFor({ state: 'detached' });
    expect(page.url()).toContain('q=warehouse');
    const row = page.getByRole('row').filter({ hasText: 'orders' });
    await row.getByRole('button', { name: 'Favourite' }).click();
    await waitFor(async () => (await server.call<{ total_entries: number }>('GET', '/api/millrace/v1/ui/dags?favorites=true')).total_entries === 1, { what: 'the star', timeoutMs: 90_000 });
    // The list is read again while the server still thinks of it, and says what was true before: the switch stays where it was put.
    let answer = (): void => undefined;
    const mayAnswer = new Promise<void>((resolve) => { answer = resolve; });
    await page.route(`${server.url}/api/v2/dags/orders`, async (route) => {
      await mayAnswer;
      await route.continue();
    });
    const readAgain = page.waitForResponse((response) => response.url().includes('/ui/dags?'));
    await row.getByRole('switch').uncheck({ force: true });
    await server.call('POST', '/api/v2/dags/hourly/dagRuns', { dag_run_id: 'beside', logical_date: null });
    await (await readAgain).finished();
    expect(await row.getByRole('switch').isChecked()).toBe(false);
    answer();
    await waitFor(async () => (await server.call<{ is_paused: boolean }>('GET', '/api/v2/dags/orders')).is_paused, { what: 'the pause', timeoutMs: 90_000 });
    await page.getByRole('button', { name: 'Undo' }).click();
    await waitFor(async () => !(await server.call<{ is_paused: boolean }>('GET', '/api/v2/dags/orders')).is_paused, { what: 'the pause taken back', timeoutMs: 90_000 });
    await page.reload();
    await page.getByRole('row').filter({ hasText: 'orders' }).waitFor();
    expect(here.complaints).toEqual([]);
  });

  it('3: triggers with a form made of the params; 4: finds the failing task from home, reads why, mends it, clears it', async () => {
    await using here = await visit(browser, `${server.url}/dags/orders`);
    const { page } = here;
    await logIn(page);
    await page.getByRole('button', { name: 'Trigger', exact: true }).first().click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('rows').fill('250');
    await dialog.getByRole('checkbox', { name: 'Full reload' }).check();
    await dialog.getByLabel('region').click();
    await page.getByRole('option', { name: 'us' }).click();
    await dialog.getByRole('button', { name: 'Trigger' }).click();
    await page.waitForURL(/\/dags\/orders\/runs\//);
    const [run] = (await server.call<{ dag_runs: { dag_run_id: string; conf: unknown }[] }>('GET', '/api/v2/dags/orders/dagRuns')).dag_runs;
    expect(run!.conf).toEqual({ region: 'us', rows: 250, full: true });
    await page.getByRole('row').filter({ hasText: 'upstream failed' }).first().waitFor();

    await page.getByRole('link', { name: 'Home' }).click();
    await page.getByRole('link', { name: 'read', exact: true }).first().click();
    await page.getByRole('log').getByText('green words').waitFor();
    await page.getByRole('button', { name: /Next error/ }).click();
    await page.locator('.log-line.marked').getByText(/orders_source is not set|failed/).first().waitFor();

    await page.getByRole('link', { name: 'Variables' }).click();
    await page.getByRole('button', { name: 'New' }).click();
    await page.getByLabel('Key').fill('orders_source');
    await page.getByRole('dialog').getByLabel('Value').fill('s3://orders');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('cell', { name: 'orders_source' }).first().waitFor();

    await page.goto(`${server.url}/dags/orders/runs/${encodeURIComponent(run!.dag_run_id)}/tasks/read`);
    await page.getByRole('button', { name: 'Clear' }).click();
    await page.getByRole('dialog').getByText('4 task instances').waitFor();
    await page.getByRole('button', { name: 'Run 4 again' }).click();
    await waitFor(async () => (await server.call<{ state: string }>('GET', `/api/v2/dags/orders/dagRuns/${encodeURIComponent(run!.dag_run_id)}`)).state === 'success', { what: 'the run', timeoutMs: 120_000 });
    await page.locator('.page-marks .state-mark').getByText('success').waitFor();
    await page.getByRole('button', { name: 'Try 1' }).click();
    await page.getByRole('log').getByText('orders_source is not set').first().waitFor();
    await page.getByRole('link', { name: 'Audit log' }).last().click();
    await page.getByRole('cell', { name: 'clear_task_instances' }).waitFor();
    expect(here.complaints).toEqual([]);
  });

  it('5: the grid shows runs live, folds groups, goes by keys and leads to instances', async () => {
    await server.call('POST', '/api/v2/dags/orders/dagRuns', { dag_run_id: 'before', logical_date: null });
    await using here = await visit(browser, `${server.url}/dags/orders`);
    const { page } = here;
    await logIn(page);
    const grid = page.getByRole('grid');
    await grid.getByRole('columnheader', { name: /before/ }).waitFor();
    await server.call('POST', '/api/v2/dags/orders/dagRuns', { dag_run_id: 'while-looking', logical_date: null });
    await grid.getByRole('columnheader', { name: /while-looking, (success|failed)/ }).waitFor();
    expect(await grid.getByRole('rowheader', { name: 'dedupe' }).count()).toBe(1);
    await grid.getByRole('button', { name: /clean/ }).click();
    await grid.getByRole('rowheader', { name: 'dedupe' }).waitFor({ state: 'detached' });
    expect(page.url()).toContain('folded');
    await grid.getByRole('gridcell', { name: /^read/ }).first().focus();
    await page.keyboard.press('ArrowDown');
    await page.locator('[data-line="1"]:focus').waitFor();
    await page.keyboard.press('ArrowDown');
    await page.locator('[data-line="2"]:focus').waitFor();
    await page.keyboard.press('Enter');
    await page.waitForURL(/\/tasks\/load/);
    expect(here.complaints).toEqual([]);
  });

  it('6: the graph shows states, finds a task, folds a group and leads to an instance', async () => {
    await using here = await visit(browser, `${server.url}/dags/orders/graph`);
    const { page } = here;
    await logIn(page);
    await page.getByRole('group', { name: 'load, success' }).or(page.getByLabel('load, success')).first().waitFor();
    await page.getByRole('button', { name: /^clean/ }).click();
    await page.getByLabel('dedupe, success').waitFor({ state: 'detached' });
    await page.getByRole('searchbox', { name: 'Search tasks' }).fill('load');
    await page.locator('.node.wanted').waitFor();
    await page.getByLabel('load, success').click();
    await page.waitForURL(/\/tasks\/load/);
    expect(here.complaints).toEqual([]);
  });

  it('7: follows a log while it is written, searches it, downloads it', async () => {
    await server.call('POST', '/api/v2/dags/slow/dagRuns', { dag_run_id: 'live', logical_date: null });
    await using here = await visit(browser, `${server.url}/dags/slow/runs/live/tasks/write`);
    const { page } = here;
    await logIn(page);
    await page.getByRole('log').getByText(/line 3\d of many/).first().waitFor({ timeout: 120_000 });
    await page.getByRole('searchbox', { name: 'Search the log' }).fill('line 7 of');
    await page.getByText('1 / 1').waitFor();
    await page.getByRole('log').getByText('line 7 of').waitFor();
    await server.call('POST', '/api/v2/variables', { key: 'slow_stop', value: 'yes' });
    await page.locator('.page-marks .state-mark').getByText('success').waitFor();
    const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: 'Download' }).click()]);
    expect(readFileSync(await download.path(), 'utf8')).toMatch(/line 1 of many\n[\s\S]*Try ended: success/);

    // More than is read at once: its end, and a line in its middle, are shown without reading it all.
    const line = (n: number, text: string): string => `[2026-11-23T10:00:00.000+0000] {task.stdout} INFO - far line ${n} ${text.padEnd(60, '.')}\n`;
    appendFileSync(join(server.home, 'logs/dag_id=slow/run_id=live/task_id=write/attempt=1.log'), Array.from({ length: 240_000 }, (_, n) => line(n, n === 120_000 ? 'needle ' : '')).join(''));
    await page.reload();
    await page.getByRole('log').getByText('line 1 of many').first().waitFor();
    await page.getByRole('button', { name: 'To the end' }).click();
    await page.getByRole('log').getByText('far line 239999').waitFor();
    await page.getByRole('button', { name: 'Earlier lines' }).waitFor();
    await page.getByRole('searchbox', { name: 'Search the log' }).fill('needle');
    await page.getByRole('button', { name: /^Search all/ }).click();
    await page.getByRole('region', { name: 'Found in the whole log' }).getByRole('button', { name: /far line 120000/ }).click();
    await page.locator('.log-line.marked').getByText('far line 120000').waitFor();
    await page.getByRole('button', { name: 'To the beginning' }).click();
    await page.getByRole('log').getByText('line 1 of many').first().waitFor();
    expect(here.complaints).toEqual([]);
  });

  it('8: starts a backfill after seeing what it would run', async () => {
    await using here = await visit(browser, `${server.url}/dags/hourly/backfills`);
    const { page } = here;
    await logIn(page);
    await page.getByRole('button', { name: 'New backfill' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('From').fill('2026-01-10T00:00');
    await dialog.getByLabel('To', { exact: true }).fill('2026-01-10T05:30');
    await dialog.getByRole('button', { name: 'Start 6 runs' }).click();
    await page.getByRole('cell', { name: 'completed' }).waitFor({ timeout: 120_000 });
    await page.getByText('6 / 6').waitFor();
    expect(here.complaints).toEqual([]);
  });

  it('11: clears chosen runs by keys after seeing what that touches, then plans a re-run of one and applies it', async () => {
    await using here = await visit(browser, `${server.url}/dags/hourly/runs?type=backfill`);
    const { page } = here;
    await logIn(page);
    const over = async (least: number): Promise<boolean> => {
      const { task_instances: all } = await server.call<{ task_instances: { state: string; try_number: number }[] }>('GET', '/api/v2/dags/hourly/dagRuns/~/taskInstances');
      return all.filter((one) => one.try_number >= 2 && one.state === 'success').length >= least;
    };
    await page.getByRole('link', { name: /^backfill__/ }).nth(5).waitFor();
    await page.keyboard.press('j');
    await page.keyboard.press('x');
    await page.getByText('1 chosen').waitFor();
    await page.getByRole('checkbox', { name: /^Choose backfill/ }).nth(2).click({ modifiers: ['Shift'] });
    await page.getByText('3 chosen').waitFor();
    await page.getByRole('toolbar').getByRole('button', { name: 'Clear' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText('None. Choose more').waitFor();
    await dialog.getByText('Only failed').click();
    await dialog.getByRole('button', { name: 'Run 3 again' }).click();
    await page.getByText('Done for 3').waitFor();
    await waitFor(() => over(3), { what: 'the three runs', timeoutMs: 120_000 });

    await page.getByRole('checkbox', { name: /^Choose backfill/ }).nth(4).check();
    await page.getByRole('link', { name: 'Plan a re-run' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Show the plan' }).click();
    await page.getByText('1 runs, 1 task instances').waitFor();
    await page.getByText('A draft: nothing has been changed').waitFor();
    expect(await over(4)).toBe(false);
    await page.getByRole('button', { name: 'Run 1 again' }).click();
    await page.getByText('1 / 1').waitFor();
    await waitFor(() => over(4), { what: 'the fourth run', timeoutMs: 120_000 });
    expect(here.complaints).toEqual([]);
  });

  it('9: makes, changes and deletes a pool and a connection, and shows no secret', async () => {
    await using here = await visit(browser, `${server.url}/pools`);
    const { page } = here;
    await logIn(page);
    page.on('dialog', (dialog) => void dialog.accept());
    await page.getByRole('button', { name: 'New' }).click();
    await page.getByLabel('Name').fill('narrow');
    await page.getByLabel('Slots', { exact: true }).fill('2');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('button', { name: 'Change narrow' }).click();
    await page.getByLabel('Slots', { exact: true }).fill('3');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('row', { name: /narrow/ }).getByRole('cell', { name: '3', exact: true }).waitFor();
    await page.getByRole('button', { name: 'Delete narrow' }).click();
    await page.getByRole('row', { name: /narrow/ }).waitFor({ state: 'detached' });

    await page.getByRole('link', { name: 'Connections' }).click();
    await page.getByRole('button', { name: 'New' }).click();
    await page.getByLabel('Id').fill('shop');
    await page.getByRole('dialog').getByLabel('Host').fill('shop.example.org');
    await page.getByRole('dialog').getByLabel('Password').fill('hunter2-secret');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('button', { name: 'Change shop' }).click();
    await page.getByRole('dialog').getByLabel('Host').fill('shop2.example.org');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('cell', { name: /shop2/ }).waitFor();
    expect(await page.content()).not.toContain('hunter2');
    expect(here.complaints).toEqual([]);
  });

  it('10: shows a viewer what may be read, and offers nothing that would be refused', async () => {
    await using here = await visit(browser, `${server.url}/dags/orders`);
    const { page } = here;
    await logIn(page, 'vera');
    await page.getByRole('grid').waitFor();
    expect(await page.getByRole('button', { name: 'Trigger' }).count()).toBe(0);
    expect(await page.getByRole('link', { name: 'Connections' }).count()).toBe(0);
    expect(await page.getByRole('switch').first().isDisabled()).toBe(true);
    await page.goto(`${server.url}/connections`);
    await page.getByText('You may not see this').waitFor();
    expect(here.complaints).toEqual([]);
  });

  it('compares two versions of a dag, as code and as graph', async () => {
    const file = join(server.home, 'dags', 'hourly.ts');
    writeFileSync(file, readFileSync(file, 'utf8').replace("d.task('work', async () => 'done')();", "d.task('work', async () => 'done')();\n  d.task('check', async () => 'fine')();"));
    await waitFor(async () => (await server.call<{ total_entries: number }>('GET', '/api/v2/dags/hourly/dagVersions')).total_entries === 2, { what: 'the second version', timeoutMs: 120_000 });
    await using here = await visit(browser, `${server.url}/dags/hourly/code?version=2&with=1`);
    const { page } = here;
    await logIn(page);
    await page.locator('.code-line.added').getByText('check').waitFor();
    await page.getByText('Graph', { exact: true }).last().click();
    await page.getByText('1 added').waitFor();
    await page.locator('.node.added').waitFor();

    // A run of the first version, cleared: it goes on with the code as it is now.
    await page.goto(`${server.url}/dags/hourly/runs/beside/tasks/work`);
    await page.getByRole('button', { name: 'Clear' }).click();
    await page.getByRole('checkbox', { name: /With the newest code: v2; the run had v1/ }).waitFor();
    await page.getByRole('button', { name: 'Run 1 again' }).click();
    await waitFor(async () => (await server.call<{ task_instances: { task_id: string; state: string }[] }>('GET', '/api/v2/dags/hourly/dagRuns/beside/taskInstances')).task_instances.some((one) => one.task_id === 'check' && one.state === 'success'), { what: 'the task of the second version', timeoutMs: 120_000 });
    expect(here.complaints).toEqual([]);
  });

  it('holds everything for maintenance, says so on every page, and ends it', async () => {
    await using here = await visit(browser, `${server.url}/services`);
    const { page } = here;
    await logIn(page);
    await page.getByRole('button', { name: 'Maintenance…' }).click();
    await page.getByLabel('Reason').fill('new disks');
    await page.getByRole('dialog').getByRole('button', { name: 'Hold everything' }).click();
    await page.getByText(': new disks').waitFor();
    await page.getByRole('link', { name: 'Dags' }).click();
    await page.getByRole('button', { name: 'End it' }).click();
    await page.getByText(': new disks').waitFor({ state: 'detached' });
    expect((await server.call<{ active: boolean }>('GET', '/api/millrace/v1/maintenance')).active).toBe(false);
    expect(here.complaints).toEqual([]);
  });

  it('tells of a file that cannot be read, with the place, and of its end', async () => {
    const file = join(server.home, 'dags', 'broken.ts');
    await using here = await visit(browser, `${server.url}/import-errors`);
    const { page } = here;
    await logIn(page);
    await page.getByText('Every dag file could be read').waitFor();
    writeFileSync(file, "import { dag } from '@millrace/sdk';\n");
    appendFileSync(file, "export default dag('broken', {}, (d) => {\n  (d as any).nonsense();\n});\n");
    await page.getByText('broken.ts').first().waitFor({ timeout: 120_000 });
    await page.getByText(/nonsense is not a function/).first().waitFor();
    expect(here.complaints).toEqual([]);
  });

  it('runs nothing that an author wrote', async () => {
    await server.call('POST', '/api/v2/dags/hostile/dagRuns', { dag_run_id: 'attack', logical_date: null, note: '<script>window.__owned = "note"</script>' });
    await waitFor(async () => (await server.call<{ state: string }>('GET', '/api/v2/dags/hostile/dagRuns/attack')).state === 'success', { what: 'the attack', timeoutMs: 120_000 });
    await using here = await visit(browser, server.url);
    const { page } = here;
    const foreign: string[] = [];
    page.on('request', (request) => { if (!request.url().startsWith(server.url) && !request.url().startsWith('data:')) foreign.push(request.url()); });
    await logIn(page);
    for (const at of ['/', '/dags', '/dags/hostile', '/dags/hostile/graph', '/dags/hostile/details', '/dags/hostile/code', '/dags/hostile/audit', '/dags/hostile/runs', '/dags/hostile/runs/attack', '/dags/hostile/runs/attack?view=details', '/dags/hostile/runs/attack/tasks/attack', '/dags/hostile/runs/attack/tasks/attack?view=xcoms', '/dags/hostile/runs/attack/tasks/attack?view=fields']) {
      await page.goto(server.url + at);
      await page.locator('.page-body').waitFor();
      await page.locator('.waiting').first().waitFor({ state: 'detached' });
    }
    await page.goto(`${server.url}/dags/hostile/details`);
    await page.getByText('window.__owned = "script"').first().waitFor();
    expect(await page.locator('.markdown a').count()).toBe(0);
    await page.goto(`${server.url}/dags/hostile/runs/attack/tasks/attack`);
    await page.getByRole('log').getByText('click me').waitFor();
    expect(await page.evaluate(() => (globalThis as unknown as { __owned?: string }).__owned)).toBeUndefined();
    expect(await page.locator('main script, main iframe, main img, main svg[onload]').count()).toBe(0);
    expect(foreign).toEqual([]);
    expect(here.complaints).toEqual([]);
  });

  it('is found by keys, speaks Chinese, keeps the time zone, and reads on a phone', async () => {
    await using here = await visit(browser, server.url, { language: 'zh-CN', width: 390, height: 800 });
    const { page } = here;
    await page.locator('input[name=username]').fill('admin');
    await page.locator('input[name=password]').fill(PASSWORD);
    await page.getByRole('button', { name: '登录' }).click();
    await page.getByRole('heading', { name: '首页' }).waitFor();
    await page.keyboard.press('Control+k');
    await page.getByRole('combobox').fill('slow');
    await page.getByRole('option', { name: /slow/ }).first().waitFor();
    await page.keyboard.press('Enter');
    await page.waitForURL(/\/dags\/slow/);
    await server.call('POST', '/api/v2/dags/orders/dagRuns', { dag_run_id: 'on-a-phone', logical_date: null });
    await page.goto(`${server.url}/dags/orders/runs/on-a-phone`);
    await page.getByRole('link', { name: 'load' }).waitFor();
    expect(await page.evaluate<number>('document.documentElement.scrollWidth')).toBeLessThanOrEqual(390);
    expect(here.complaints).toEqual([]);
  });

  it.each(['light', 'dark'] as const)('can be used without eyes and without a mouse (axe, %s)', async (scheme) => {
    await using here = await visit(browser, server.url, { scheme });
    const { page } = here;
    await logIn(page);
    const found: string[] = [];
    for (const at of ['/', '/dags', '/dags/orders', '/dags/orders/graph', '/dags/orders/runs', '/dags/orders/durations', '/dags/orders/calendar', '/dags/orders/code', '/dags/orders/details', '/dags/orders/runs/before', '/dags/orders/runs/before?view=gantt', '/dags/orders/runs/before/tasks/read', '/pools', '/services', '/audit', '/configuration', '/instances', '/backfills', '/inbox', '/assets?view=watchers', '/import-errors', '/dags/orders/reruns', '/dags/hourly/backfills']) {
      await page.goto(server.url + at);
      await page.locator('.page-body').waitFor();
      await page.locator('.waiting').first().waitFor({ state: 'detached' });
      found.push(...(await violations(page, scheme)).map((one) => `${at}: ${one}`));
    }
    expect(found).toEqual([]);
  });
});

/** Serious findings of axe-core for WCAG 2.1 AA (in the dark only the contrast: the rest is the same page), by rule with the first place of each. */
async function violations(page: Page, scheme: 'light' | 'dark'): Promise<readonly string[]> {
  // Injected by the debugger, not by the page: the page's policy would refuse it, and should.
  await page.evaluate(readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8'));
  return page.evaluate(async (isDark) => {
    const { axe } = globalThis as unknown as { axe: { run: (context: unknown, options: unknown) => Promise<{ violations: { id: string; impact: string; nodes: { target: string[]; failureSummary: string }[] }[] }> } };
    const { violations: all } = await axe.run((globalThis as unknown as { document: unknown }).document, { runOnly: isDark ? { type: 'rule', values: ['color-contrast'] } : ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'] });
    return all.filter((one) => one.impact === 'serious' || one.impact === 'critical').map((one) => `${one.id} × ${one.nodes.length} at ${one.nodes[0]!.target.join(' ')}: ${one.nodes[0]!.failureSummary.split('\n').slice(0, 2).join(' ')}`);
  }, scheme === 'dark');
}
