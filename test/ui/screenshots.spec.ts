import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { waitFor } from '@millrace/test-services';
import { REPOSITORY_ROOT } from '../harness/repository-root.js';
import { chromiumPath, logIn, openBrowser, visit } from './browser.js';
import { TestStandalone } from './standalone.js';

/** The pictures of the docs, made anew: MILLRACE_SCREENSHOTS=1 MILLRACE_TEST_CHROMIUM=$(which chromium) npx vitest run test/ui/screenshots */
it.skipIf(process.env['MILLRACE_SCREENSHOTS'] !== '1')('makes the pictures of the docs', { timeout: 600_000 }, async () => {
  const folder = join(REPOSITORY_ROOT, 'docs', 'images', 'web');
  mkdirSync(folder, { recursive: true });
  await using server = await TestStandalone.start(join(import.meta.dirname, 'pictures', 'dags'));
  const browser = await openBrowser(chromiumPath()!);
  try {
    await waitFor(async () => (await server.call<{ total_entries: number }>('GET', '/api/v2/dags?paused=false')).total_entries >= 9, { what: 'the dags', timeoutMs: 120_000 });
    for (let run = 0; run < 12; run++) await server.call('POST', '/api/v2/dags/warehouse_orders/dagRuns', { logical_date: null });
    const failed = await waitFor(async () => {
      const { dag_runs: runs } = await server.call<{ dag_runs: { state: string }[] }>('GET', '/api/v2/dags/warehouse_orders/dagRuns?limit=100');
      if (runs.length < 12 || !runs.every((run) => run.state === 'success' || run.state === 'failed')) return null;
      // The last task runs whatever failed before it, and so the runs are successes: what failed is a task.
      const { task_instances: [one] } = await server.call<{ task_instances: { dag_run_id: string }[] }>('GET', '/api/v2/dags/warehouse_orders/dagRuns/~/taskInstances?state=failed&limit=1');
      // Tasks fail by chance; once in a while none did.
      if (one === undefined) await server.call('POST', '/api/v2/dags/warehouse_orders/dagRuns', { logical_date: null });
      return one ?? null;
    }, { what: 'the runs', timeoutMs: 420_000 });
    await server.call('POST', '/api/v2/dags/warehouse_orders/dagRuns', { logical_date: null });
    const run = `/dags/warehouse_orders/runs/${encodeURIComponent(failed.dag_run_id)}`;
    const { task_instances: instances } = await server.call<{ task_instances: { task_id: string }[] }>('GET', `/api/v2/dags/warehouse_orders/dagRuns/${encodeURIComponent(failed.dag_run_id)}/taskInstances?state=failed`);
    for (const scheme of ['light', 'dark'] as const) {
      await using here = await visit(browser, server.url, { scheme, width: 1360, height: 850 });
      const { page } = here;
      await logIn(page);
      const shots = [['home', '/', '.activity'], ['dags', '/dags', '.recent-run'], ['grid', '/dags/warehouse_orders', '.cell'], ['graph', '/dags/warehouse_orders/graph', '.node'], ['instance', `${run}/tasks/${instances[0]!.task_id}`, '.log-line'], ['gantt', `${run}?view=gantt`, '.gantt-run']] as const;
      for (const [name, address, sign] of shots) {
        await page.goto(server.url + address);
        await page.locator(sign).first().waitFor();
        await page.evaluate('document.fonts.ready');
        // Where this checkout happens to lie is nobody's business.
        await page.evaluate(`for (const text of document.querySelectorAll('.log-text span')) text.textContent = text.textContent.replaceAll(${JSON.stringify(REPOSITORY_ROOT)}, '/opt/millrace').replaceAll(${JSON.stringify(server.home)}, '/var/lib/millrace')`);
        await page.screenshot({ path: join(folder, scheme === 'light' ? `${name}.png` : `${name}-dark.png`) });
      }
      expect(here.complaints).toEqual([]);
    }
  } finally {
    await browser.close();
  }
});
