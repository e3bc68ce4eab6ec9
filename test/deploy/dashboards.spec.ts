import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '@millrace/test-services';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { Constellation } from '../harness/constellation.js';
import { eventually } from '../harness/eventually.js';
import { REPOSITORY_ROOT } from '../harness/repository-root.js';
import { OwnRabbitMq } from '../faults/own-rabbitmq.js';
import { OwnPrometheus, missingPrograms } from './prometheus.js';

interface Panel { readonly id: number; readonly type: string; readonly title: string; readonly gridPos: { x: number; y: number; w: number; h: number }; readonly targets?: readonly { readonly expr: string }[] }
interface Dashboard { readonly uid: string; readonly title: string; readonly panels: readonly Panel[] }

const FOLDER = join(REPOSITORY_ROOT, 'deploy', 'grafana', 'dashboards');
const dashboards = readdirSync(FOLDER).map((file) => JSON.parse(readFileSync(join(FOLDER, file), 'utf8')) as Dashboard);
const QUERIES = dashboards.flatMap((dashboard) => dashboard.panels.flatMap((panel) => (panel.targets ?? []).map((target): [string, string] => [`${dashboard.title}, ${panel.title}: ${target.expr}`, target.expr])));
const missing = missingPrograms('What the dashboards ask', 'prometheus', 'prometheus-postgres-exporter', 'rabbitmq-server');

/** What the dashboards fill in. */
const filled = (expression: string): string => expression.replaceAll('$__rate_interval', '15s').replaceAll('$dag', '.*');

describe('the dashboards', () => {
  it('have ids of their own, and panels that do not overlap', () => {
    expect(new Set(dashboards.map((dashboard) => dashboard.uid)).size).toBe(dashboards.length);
    for (const { title, panels } of dashboards) {
      expect(new Set(panels.map((panel) => panel.id)).size, title).toBe(panels.length);
      for (const [i, a] of panels.entries()) {
        expect(a.gridPos.x + a.gridPos.w, a.title).toBeLessThanOrEqual(24);
        for (const b of panels.slice(i + 1)) {
          const apart = a.gridPos.x + a.gridPos.w <= b.gridPos.x || b.gridPos.x + b.gridPos.w <= a.gridPos.x || a.gridPos.y + a.gridPos.h <= b.gridPos.y || b.gridPos.y + b.gridPos.h <= a.gridPos.y;
          expect(apart, `${title}: ${a.title} and ${b.title}`).toBe(true);
        }
      }
    }
  });
});

describe.skipIf(missing.length > 0)('against a real Prometheus that scraped a real load', () => {
  let prometheus: OwnPrometheus;
  const closers: (() => Promise<unknown>)[] = [];

  beforeAll(async () => {
    const [brokerMetrics, databaseMetrics] = [await freePort(), await freePort()];
    const broker = await OwnRabbitMq.start({ prometheusPort: brokerMetrics });
    closers.push(() => broker.remove());
    const constellation = await Constellation.start({
      label: 'dashboards', schedulers: 2, startTimeoutMs: 90_000, brokerUrl: broker.url, logServers: ['host'],
      workers: [{ queues: ['default'], concurrency: 4, host: 'host' }, { queues: ['other'], concurrency: 4, host: 'host' }],
      dags: [join(REPOSITORY_ROOT, 'test/dags/mixed-load.ts'), join(REPOSITORY_ROOT, 'test/dags/ledgered.ts'), join(REPOSITORY_ROOT, 'test/dags/told.ts')],
    });
    closers.push(() => constellation.stop());
    const exporter = spawn('prometheus-postgres-exporter', [`--web.listen-address=127.0.0.1:${databaseMetrics}`], { env: { ...process.env, DATA_SOURCE_NAME: `${constellation.databaseUrl}?sslmode=disable` }, stdio: 'ignore' });
    closers.push(() => {
      const exited = once(exporter, 'exit');
      exporter.kill('SIGTERM');
      return exited;
    });
    const targets = constellation.serviceNames.map((name) => {
      const { http_port: http, ops_port: ops } = constellation.service(name).address;
      return `127.0.0.1:${ops ?? http}`;
    });
    prometheus = await OwnPrometheus.start([
      { name: 'millrace', targets },
      { name: 'rabbitmq', targets: [`127.0.0.1:${brokerMetrics}`] },
      { name: 'rabbitmq-queues', targets: [`127.0.0.1:${brokerMetrics}`], path: '/metrics/detailed', params: { family: ['queue_coarse_metrics'] } },
      { name: 'postgresql', targets: [`127.0.0.1:${databaseMetrics}`] },
    ]);
    closers.push(() => prometheus[Symbol.asyncDispose]());
    await eventually('the load to be published', async () => (await constellation.database.query(`select 1 from dag where dag_id = 'load_long'`)).rows.length > 0);
    // Work goes on while the queries run: what they show is rates of now.
    let over = false;
    const load = (async () => {
      for (let round = 0; !over; round++) {
        await Promise.all(['load_chain', 'load_fan', 'load_flaky', 'load_long'].map((dagId) => constellation.client.trigger(dagId, `${dagId}-${round}`)));
        // A dag file that changes now and then.
        writeFileSync(join(constellation.dagsFolder, 'changing.ts'), `import { dag, task } from '@millrace/sdk';\ndag('changing', { description: 'round ${round}' }, () => void task('t', () => undefined)());\n`);
        await eventually('a moment of the load to pass', async () => over || (await constellation.database.query(`select count(*)::int as n from dag_run where state in ('queued', 'running')`)).rows[0].n < 6);
      }
    })();
    closers.push(() => {
      over = true;
      return load;
    });
  }, 240_000);

  afterAll(async () => {
    for (const close of closers.toReversed()) await close();
  }, 60_000);

  it.each(QUERIES)('%s', async (_, expression) => {
    const series = await eventually(`data for ${filled(expression)}`, async () => {
      const found = (await prometheus.query(filled(expression))).filter(({ value: [, value] }) => value !== 'NaN');
      return found.length > 0 && found;
    }, 110_000);
    expect(series.length).toBeGreaterThan(0);
  }, 120_000);

  it('every alarm\'s expression speaks of metrics that exist', async () => {
    const { groups } = parse(readFileSync(join(REPOSITORY_ROOT, 'deploy', 'prometheus', 'alerts.yml'), 'utf8')) as { groups: { rules: { alert: string; expr: string }[] }[] };
    const unknown: string[] = [];
    for (const { alert, expr } of groups.flatMap((group) => group.rules)) {
      for (const [metric] of expr.matchAll(/\b(?:millrace|rabbitmq|pg)_[a-z0-9_]+/g)) if ((await prometheus.query(`{__name__="${metric}"}`)).length === 0) unknown.push(`${alert}: ${metric}`);
      await prometheus.query(expr);
    }
    expect(unknown).toEqual([]);
  });
});
