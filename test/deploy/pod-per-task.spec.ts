import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { Constellation } from '../harness/constellation.js';
import { eventually } from '../harness/eventually.js';
import { REPOSITORY_ROOT } from '../harness/repository-root.js';
import { ServiceProcess } from '../harness/service-process.js';
import { StandInCluster } from './stand-in-cluster.js';

const GATE = 'gate';

describe('a pod per task', () => {
  let cluster: StandInCluster;
  let constellation: Constellation;
  let launcher: ServiceProcess;
  let folder: string;
  let settings: Record<string, string>;

  beforeAll(async () => {
    cluster = await StandInCluster.start();
    constellation = await Constellation.start({ label: 'pods', schedulers: 2, startTimeoutMs: 120_000, workers: [{ queues: ['default'], concurrency: 2 }], dags: [], settings: { 'scheduler.lease_ttl_ms': 4_000, 'worker.self_fence_ms': 2_000, 'scheduler.beat_every_ms': 500 } });
    folder = join(constellation.folder, 'pods');
    mkdirSync(folder);
    writeFileSync(join(constellation.dagsFolder, 'podded.ts'), `
      import { existsSync } from 'node:fs';
      import { setTimeout as sleep } from 'node:timers/promises';
      import { chain, dag, task } from '@millrace/sdk';
      const inPod = { queue: 'pods' };
      dag('podded', {}, () => { chain(task('here', () => process.pid)(), task({ id: 'there', ...inPod }, (_, context) => { context.log.info('hello from a pod'); return process.ppid; })(), task({ id: 'fails', ...inPod }, () => { throw new Error('on purpose'); })()); });
      const wait = async () => { while (!existsSync(${JSON.stringify(join(folder, GATE))})) await sleep(50); };
      dag('gated', {}, () => { for (const id of ['a', 'b', 'c']) task({ id, ...inPod, retries: 2, retryDelay: 0.1 }, wait)(); });
    `);
    // What a pod's containers would see; a secret would come by reference. Each pod has a disk of its own, and logs go into a store when it ends.
    const schedulers = constellation.serviceNames.filter((name) => name.startsWith('scheduler-')).map((name) => `127.0.0.1:${constellation.service(name).address.grpc_port}`);
    const env = {
      PATH: process.env['PATH'] ?? '', MILLRACE_SKIP_BUILD: '1', MILLRACE__CORE__HOME: join(folder, 'home'), MILLRACE__LOGS__FOLDER: join(folder, 'logs'), MILLRACE__LOGS__STORE_URL: `file://${join(folder, 'store')}`,
      MILLRACE__SECURITY__INTERNAL_TOKEN: constellation.internalToken, MILLRACE__WORKER__SCHEDULER_URLS: schedulers.join(','), MILLRACE__WORKER__LOG_PORT: '0', MILLRACE__WORKER__OPS_PORT: '0', MILLRACE__WORKER__SELF_FENCE_MS: '2000',
    };
    writeFileSync(join(folder, 'template.yaml'), stringify({
      metadata: { labels: { team: 'data' } },
      spec: { containers: [{ name: 'task', image: 'millrace-worker:1', command: [process.execPath, join(REPOSITORY_ROOT, 'apps/cli/bin/millrace.js')], env: [...Object.entries(env).map(([name, value]) => ({ name, value })), { name: 'MILLRACE__WORKER__NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }] }] },
    }));
    settings = {
      PODS__QUEUES: 'pods', PODS__API_URL: cluster.url, PODS__SERVICE_ACCOUNT_FOLDER: cluster.serviceAccountFolder, PODS__TEMPLATE_FILE: join(folder, 'template.yaml'), PODS__OPS_PORT: '0', PODS__KEEP_FINISHED_SECONDS: '2', PODS__START_TIMEOUT_SECONDS: '10', PODS__MAX: '2',
      BROKER__URL: constellation.brokerUrl,
    };
    launcher = new ServiceProcess('pod-launcher', () => join(REPOSITORY_ROOT, 'apps/pod-launcher/dist/main.js'), () => ({ PATH: process.env['PATH'] ?? '', ...Object.fromEntries(Object.entries(settings).map(([key, value]) => [`MILLRACE__${key}`, value])) }), join(constellation.logsFolder, 'pod-launcher.jsonl'), folder, []);
    await launcher.start(60_000);
    await eventually('the dags to be there', async () => (await constellation.client.call('GET', '/api/v2/dags/gated')).status === 200);
  }, 240_000);

  afterAll(async () => {
    writeFileSync(join(folder, GATE), '');
    await launcher.stop();
    await constellation.stop();
    await cluster[Symbol.asyncDispose]();
  }, 60_000);

  beforeEach(() => {
    cluster.created.length = 0;
  });

  const stateOf = async (dagId: string, runId: string): Promise<string> => (await constellation.client.run(dagId, runId)).state;
  const ended = (dagId: string, runId: string): Promise<string> => eventually(`run ${runId} to end`, async () => ['success', 'failed'].includes(await stateOf(dagId, runId)) && stateOf(dagId, runId));
  const live = (): any[] => cluster.pods.filter((pod) => pod.status.phase === 'Running');

  it('runs tasks of its queues in a pod each, other tasks elsewhere; pods have ids and no secret of the launcher; logs are kept when the pod is gone', async () => {
    await constellation.client.trigger('podded', 'first');
    expect(await ended('podded', 'first')).toBe('failed');
    const instances = await constellation.client.instances('podded', 'first');
    expect(Object.fromEntries(instances.map((each: any) => [each.task_id, [each.state, each.hostname]]))).toEqual({
      here: ['success', 'worker-1'], there: ['success', expect.stringMatching(/^millrace-[0-9a-f-]{36}$/)], fails: ['failed', expect.stringMatching(/^millrace-/)],
    });
    expect(new Set(cluster.created).size).toBe(2);
    await eventually('finished pods to be removed', () => cluster.pods.length === 0);
    expect(readFileSync(join(constellation.logsFolder, 'pod-launcher.jsonl'), 'utf8')).not.toContain('service-account-token');
    const { readdirSync } = await import('node:fs');
    const stored = (readdirSync(join(folder, 'store'), { recursive: true, encoding: 'utf8' })).filter((file) => file.includes('there'));
    expect(stored.length).toBeGreaterThan(0);
  }, 90_000);

  it('has no more pods at once than it may; a launcher that is killed leaves them running, and the next one counts them and goes on', async () => {
    await constellation.client.trigger('gated', 'adopted');
    await eventually('two pods to run', () => live().length === 2);
    await launcher.kill();
    cluster.compact();
    expect(live()).toHaveLength(2);
    await launcher.start(60_000);
    expect(launcher.lastLines()).toContain('pods of an earlier life are looked after');
    const metrics = await (await fetch(`http://127.0.0.1:${launcher.address.ops_port}/metrics`)).text();
    expect(/^millrace_pods_live.*$/m.exec(metrics)?.[0]).toBe('millrace_pods_live{service="pod-launcher"} 2');
    expect(new Set(cluster.created).size).toBe(2);
    writeFileSync(join(folder, GATE), '');
    expect(await ended('gated', 'adopted')).toBe('success');
    expect(new Set(cluster.created).size).toBe(3);
    const { rmSync } = await import('node:fs');
    rmSync(join(folder, GATE));
  }, 90_000);

  it('tells a pod that died; its attempt is lost and tried again in another pod', async () => {
    await constellation.client.trigger('gated', 'killed');
    // Not just any pod: one of the run before may still be going away.
    const victim = await eventually('a task of it to run in a pod', async () => {
      const running = (await constellation.client.instances('gated', 'killed')).filter((each: any) => each.state === 'running').map((each: any) => each.hostname as string);
      return running.find((name) => live().some((pod) => pod.metadata.name === name)) ?? null;
    });
    cluster.killPod(victim);
    await eventually('the launcher to tell it', () => launcher.lastLines().includes('a pod failed') && launcher.lastLines().includes('OOMKilled'));
    await eventually('the attempt to be tried again', async () => (await constellation.client.instances('gated', 'killed')).some((each: any) => each.try_number === 2));
    writeFileSync(join(folder, GATE), '');
    expect(await ended('gated', 'killed')).toBe('success');
    const { rmSync } = await import('node:fs');
    rmSync(join(folder, GATE));
  }, 90_000);

  it('goes on after a quota, a cluster that answers nothing it can use, and pods that never start', async () => {
    cluster.quota = 0;
    writeFileSync(join(folder, GATE), '');
    await constellation.client.trigger('gated', 'refused');
    await eventually('the quota to be told', () => launcher.lastLines().includes('exceeded quota'));
    cluster.quota = Number.POSITIVE_INFINITY;
    cluster.imagePullFails = true;
    await eventually('a pod that cannot start to be deleted, with why', () => launcher.lastLines().includes('ImagePullBackOff'), 40_000);
    cluster.imagePullFails = false;
    expect(await ended('gated', 'refused')).toBe('success');
  }, 150_000);
});
