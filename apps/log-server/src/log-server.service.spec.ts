import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { loadConfiguration } from '@millrace/configuration';
import { readLog } from '@millrace/task-logs';
import { createLogger } from '@millrace/telemetry';
import { Writable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLogServer } from './index.js';

let home: string;
beforeEach(() => void (home = mkdtempSync(join(tmpdir(), 'millrace-log-server-'))));
afterEach(() => rmSync(home, { recursive: true, force: true }));

const internalToken = 't'.repeat(32);

describe('log-server', () => {
  it('says where it is, is healthy, serves the logs of its folder to who may read them', async () => {
    const lines: string[] = [];
    const stream = new Writable({ write: (chunk, _encoding, done) => { lines.push(String(chunk)); done(); } });
    const config = loadConfiguration({ env: {}, overrides: { 'core.home': home, 'log_server.port': 0, 'security.internal_token': internalToken } });
    const server = await createLogServer({ config, logger: createLogger({ service: 'log-server', stream }) });
    await server.start();
    try {
      expect(JSON.parse(lines[0] as string)).toMatchObject({ message: 'ready', http_port: server.port });
      const url = `http://127.0.0.1:${server.port}`;
      const health = await fetch(`${url}/health`);
      expect([health.status, await health.json()]).toMatchObject([200, { ok: true, checks: { folder: { ok: true } } }]);
      const logPath = 'dag_id=a/run_id=b/task_id=c/attempt=1.log';
      mkdirSync(dirname(join(home, 'logs', logPath)), { recursive: true });
      writeFileSync(join(home, 'logs', logPath), 'hello\n');
      const reading = await readLog({ logPath, worker: null }, { folder: join(home, 'elsewhere'), logServerUrls: [url], internalToken });
      let text = '';
      for await (const chunk of reading.chunks) text += Buffer.from(chunk).toString();
      expect([reading.source, text]).toEqual(['log-server', 'hello\n']);
      expect((await fetch(`${url}/log/${logPath}`)).status).toBe(401);
      const metrics = await (await fetch(`${url}/metrics`)).text();
      expect(metrics).toMatch(/millrace_log_reads_total\{status="401",service="log-server"\} 1/);
    } finally {
      await server.stop();
    }
  });
});
