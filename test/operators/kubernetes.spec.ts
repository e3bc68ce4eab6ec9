import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { KubernetesPodOperator } from '@millrace/operators';
import { waitFor } from '@millrace/test-services';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { StandInCluster } from '../deploy/stand-in-cluster.js';
import { runOperator } from './run-operator.js';
import type { ConnectionFields } from './run-operator.js';

let cluster: StandInCluster;
beforeAll(async () => void (cluster = await StandInCluster.start()));
afterAll(() => cluster[Symbol.asyncDispose]());

const connections = (more: Partial<ConnectionFields> = {}): Record<string, ConnectionFields> => ({
  cluster: { connType: 'kubernetes', host: cluster.url, password: readFileSync(join(cluster.serviceAccountFolder, 'token'), 'utf8').trim(), extra: { namespace: 'flows', ca_file: join(cluster.serviceAccountFolder, 'ca.crt') }, ...more },
});
let attempts = 0;
const run = (script: string, options: object = {}, more: Parameters<typeof runOperator>[2] = {}, given = connections()) =>
  runOperator(() => new KubernetesPodOperator('load_day', { image: 'tool:1', cmds: ['/bin/sh', '-c'], args: [script], connectionId: 'cluster', lookEverySeconds: 0.05, ...options }), given, { attemptId: `attempt-${++attempts}`, taskId: 'load_day', ...more });

describe('KubernetesPodOperator', () => {
  it('runs a pod, logs what it writes, returns the last line, and deletes it', async () => {
    const ran = await run('echo one; echo "two $GREETING $AIRFLOW_CTX_TASK_ID"', { env: { GREETING: 'hello' } });
    expect(ran.error).toBeNull();
    expect(ran.result).toBe('two hello load_day');
    expect(ran.log).toEqual(expect.arrayContaining(['one', 'two hello load_day']));
    expect(ran.log.filter((line) => line === 'one')).toHaveLength(1);
    await waitFor(() => cluster.pods.length === 0, { timeoutMs: 60_000, what: 'the pod to be gone' });
  });

  it('makes the pod as it is told', async () => {
    await run('true', { remove: 'never', labels: { team: 'data' }, resources: { limits: { memory: '1Gi' } }, serviceAccountName: 'loader', podSpec: { nodeSelector: { disk: 'ssd' }, containers: [{ name: 'base', env: [{ name: 'KEY', valueFrom: { secretKeyRef: { name: 's', key: 'k' } } }] }] } });
    const [pod] = cluster.pods;
    expect(pod.metadata).toMatchObject({ name: expect.stringMatching(/^load-day-[0-9a-f]{12}$/), labels: { team: 'data' }, annotations: { 'millrace/dag_id': 'test', 'millrace/run_id': 'r' } });
    expect(pod.spec).toMatchObject({ restartPolicy: 'Never', serviceAccountName: 'loader', nodeSelector: { disk: 'ssd' }, containers: [{ name: 'base', image: 'tool:1', resources: { limits: { memory: '1Gi' } } }] });
    expect(pod.spec.containers[0].env).toEqual(expect.arrayContaining([{ name: 'AIRFLOW_CTX_DAG_ID', value: 'test' }, { name: 'KEY', valueFrom: { secretKeyRef: { name: 's', key: 'k' } } }]));
  });

  it.each<[script: string, says: RegExp, millrace: string | undefined]>([
    ['exit 3', /pod load-day-\w+ failed with exit code 3$/, undefined],
    ['exit 99', /exit code 99. Skipping/, 'skip'],
    ['kill -9 $$', /failed with exit code 137 \(OOMKilled\)/, undefined],
  ])('%s', async (script, says, millrace) => {
    const { error } = await run(script);
    expect(error?.message).toMatch(says);
    expect(error?.millrace).toBe(millrace);
  });

  it('asks for the log again when the connection breaks, and tells no line twice', async () => {
    const lines: string[] = [];
    const keep = (line: unknown): void => void lines.push(String(line));
    const running = run('echo first; while [ ! -e "$GO" ]; do sleep 0.05; done; echo second', { env: { GO: join(cluster.folder, 'go') } }, { log: { debug: keep, info: keep, warn: keep, error: keep } });
    await waitFor(() => lines.includes('first'), { timeoutMs: 60_000, what: 'the first line' });
    cluster.cutLogs();
    writeFileSync(join(cluster.folder, 'go'), '');
    expect((await running).result).toBe('second');
    expect(lines.filter((line) => line === 'first' || line === 'second')).toEqual(['first', 'second']);
  });

  it('deletes the pod when the try is stopped, and one that a killed worker left', async () => {
    const stop = new AbortController();
    const lines: string[] = [];
    const keep = (line: unknown): void => void lines.push(String(line));
    const running = run('echo begun; sleep 600', {}, { signal: stop.signal, log: { debug: keep, info: keep, warn: keep, error: keep } });
    await waitFor(() => lines.includes('begun'), { timeoutMs: 60_000, what: 'the pod to begin' });
    const again = await run('echo again');
    expect(again.result).toBe('again');
    expect(again.log.join()).toMatch(/An earlier try left pod load-day-\w+ behind/);
    stop.abort(new Error('stopped by test'));
    expect((await running).error?.message).toMatch(/stopped by test|is gone|exit code 1\d\d/);
  });

  it('says why a pod does not start, and who refused', async () => {
    cluster.imagePullFails = true;
    expect((await run('true', { startupTimeout: 0.2 })).error?.message).toMatch(/did not start within 0.2 s: ImagePullBackOff: Back-off pulling image "tool:1"/);
    cluster.imagePullFails = false;
    expect((await run('true', { namespace: 'other' })).error).toMatchObject({ code: 'KUBERNETES_403' });
    expect((await run('true', {}, {}, connections({ password: 'wrong-token' }))).error).toMatchObject({ code: 'KUBERNETES_401' });
    expect((await runOperator(() => new KubernetesPodOperator('t', { image: 'x' }))).error?.message).toMatch(/runs in no pod with a service account/);
    await expect(run('true', { args: 'echo' })).rejects.toThrow(/args must be a list of texts/);
  });
});
