import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { loadConfiguration } from '@millrace/configuration';
import { InProcessBroker } from '@millrace/messaging';
import { createLogger } from '@millrace/telemetry';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createWorker } from './index.js';

let home: string;
beforeEach(() => void (home = mkdtempSync(join(tmpdir(), 'millrace-worker-app-'))));
afterEach(() => rmSync(home, { recursive: true, force: true }));

describe('worker', () => {
  it('says where it is; is alive without schedulers and says what is missing; guards its logs', async () => {
    const lines: string[] = [];
    const stream = new Writable({ write: (chunk, _encoding, done) => (lines.push(String(chunk)), done()) });
    const overrides = { 'core.home': home, 'worker.ops_port': 0, 'worker.log_port': 0, 'worker.warm_runners': 0, 'worker.scheduler_urls': ['127.0.0.1:1'], 'worker.name': 'w1', 'security.internal_token': 't'.repeat(32) };
    const config = loadConfiguration({ env: {}, overrides });
    const broker = new InProcessBroker();
    await broker.start();
    const worker = createWorker({ config, broker, logger: createLogger({ service: 'worker', stream }), entries: { runner: '/nowhere', guardian: '/nowhere' } });
    await worker.start();
    try {
      expect(lines.map((line) => JSON.parse(line) as { message: string }).find((line) => line.message === 'ready')).toMatchObject({ ops_port: worker.opsPort, log_port: worker.logPort });
      const ops = `http://127.0.0.1:${worker.opsPort}`;
      const health = await fetch(`${ops}/health`);
      expect([health.status, await health.json()]).toMatchObject([503, { checks: { schedulers: { ok: false }, broker: { ok: true } } }]);
      expect((await fetch(`${ops}/livez`)).status).toBe(200);
      const metrics = await (await fetch(`${ops}/metrics`)).text();
      expect(metrics).toMatch(/millrace_worker_slots\{service="worker"\} 8/);
      expect(metrics).toMatch(/millrace_worker_runner_starts_total\{service="worker"\} 0/);
      expect((await fetch(`http://127.0.0.1:${worker.logPort}/log/dag_id=a/run_id=b/task_id=c/attempt=1.log`)).status).toBe(401);
    } finally {
      await worker.stop();
      await broker.stop();
    }
  });
});
