import { DockerOperator } from '@millrace/operators';
import { waitFor } from '@millrace/test-services';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { StandInEngine } from './docker-engine.js';
import { runOperator } from './run-operator.js';
import type { ConnectionFields } from './run-operator.js';

let engine: StandInEngine;
beforeAll(async () => void (engine = await StandInEngine.start()));
afterAll(() => engine[Symbol.asyncDispose]());

const run = (options: Partial<ConstructorParameters<typeof DockerOperator>[1]>, connections: Record<string, ConnectionFields> = {}, more: Parameters<typeof runOperator>[2] = {}) =>
  runOperator(() => new DockerOperator('t', { image: 'present:1', dockerUrl: engine.url, ...options }), connections, more);

describe('DockerOperator', () => {
  it('runs a container, logs both streams, returns the last line, and removes it', async () => {
    const ran = await run({ command: 'echo one; echo two >&2; echo "ä $GREETING $AIRFLOW_CTX_TASK_ID"', env: { GREETING: 'hello' } });
    expect(ran.error).toBeNull();
    expect(ran.result).toBe('ä hello t');
    expect(ran.log).toEqual(expect.arrayContaining(['one', 'two']));
    expect([engine.containers.size, engine.removed.length]).toEqual([0, 1]);
  });

  it('tells the engine its limits, mounts and labels, and never to start it again', async () => {
    await run({ command: ['true'], memoryMb: 64, cpus: 0.5, mounts: [{ source: '/data', target: '/in', readOnly: true }, { source: 'cache', target: '/cache' }], user: '1000', networkMode: 'none', workingDir: '/work', labels: { team: 'data' }, remove: 'never' });
    const [container] = [...engine.containers.values()];
    expect(container?.spec).toMatchObject({
      Cmd: ['true'], User: '1000', WorkingDir: '/work', Labels: { team: 'data', 'millrace.dag_id': 'test', 'millrace.attempt_id': 'attempt-1' },
      HostConfig: {
        Memory: 67_108_864, MemorySwap: 67_108_864, NanoCpus: 500_000_000, NetworkMode: 'none', RestartPolicy: { Name: 'no' }, AutoRemove: false,
        Mounts: [{ Type: 'bind', Source: '/data', Target: '/in', ReadOnly: true }, { Type: 'volume', Source: 'cache', Target: '/cache', ReadOnly: false }],
      },
    });
    engine.containers.clear();
  });

  it.each<[command: string, says: RegExp, millrace: string | undefined]>([
    ['exit 3', /the container failed with exit code 3$/, undefined],
    ['exit 99', /exit code 99. Skipping/, 'skip'],
    ['kill -9 $$', /exit code 137: it took more memory than memoryMb allows/, undefined],
  ])('%s', async (command, says, millrace) => {
    const { error } = await run({ command, memoryMb: 64 });
    expect(error?.message).toMatch(says);
    expect(error?.millrace).toBe(millrace);
    expect(engine.containers.size).toBe(0);
  });

  it('pulls what is missing, with the login of its connection, and says what the registry says', async () => {
    const connections: Record<string, ConnectionFields> = { engine: { connType: 'docker', host: engine.url, login: 'ada', password: 'registry-secret' } };
    const ran = await runOperator(() => new DockerOperator('t', { image: 'new:2', command: ['true'], connectionId: 'engine' }), connections);
    expect(ran.error).toBeNull();
    expect(engine.pulled.at(-1)).toEqual({ image: 'new:2', auth: JSON.stringify({ username: 'ada', password: 'registry-secret' }) });
    expect(ran.log.join()).toContain('Downloaded newer image');
    expect(ran.log.join()).not.toContain('registry-secret');
    await run({ command: ['true'] });
    expect(engine.pulled).toHaveLength(1);
    expect((await run({ image: 'missing:1' })).error?.message).toBe('pulling missing:1: manifest unknown');
    expect((await run({ image: 'missing:1', pull: 'never' })).error).toMatchObject({ message: 'Docker: No such image: missing:1 (404)', code: 'DOCKER_404' });
  });

  it('stops and removes the container when the try is stopped', async () => {
    const stop = new AbortController();
    const lines: string[] = [];
    const keep = (line: unknown): void => void lines.push(String(line));
    const running = run({ command: 'trap "echo ending; exit 0" TERM; echo begun; while true; do sleep 0.05; done' }, {}, { signal: stop.signal, log: { debug: keep, info: keep, warn: keep, error: keep } });
    await waitFor(() => lines.includes('begun'), { timeoutMs: 60_000, what: 'the container to begin' });
    stop.abort(new Error('stopped by test'));
    expect((await running).error?.message).toBe('stopped by test');
    expect(lines).toContain('ending');
    expect(engine.containers.size).toBe(0);
  });

  it('removes what a killed worker left running, before it starts again', async () => {
    await run({ command: ['true'], remove: 'never' });
    const [left] = [...engine.containers.values()];
    if (left === undefined) throw new Error('nothing was left');
    left.state = 'running';
    const again = await run({ command: 'echo again' });
    expect(again.result).toBe('again');
    expect(again.log.join()).toContain(`An earlier try left container ${left.id.slice(0, 12)} behind`);
    expect(engine.removed).toContain(left.id);
  });

  it('says that there is no engine', async () => {
    expect((await run({ dockerUrl: 'unix:///no/such.sock' })).error?.message).toMatch(/the Docker engine at unix:\/\/\/no\/such\.sock cannot be reached: .*ENOENT/);
  });

  it.each<[options: any, says: RegExp]>([
    [{ image: '' }, /image must be a text/],
    [{ pull: 'sometimes' }, /pull must be one of always, missing, never/],
    [{ mounts: [{ source: '/a', target: 'b' }] }, /a mount needs a source and an absolute target/],
    [{ dockerUrl: '/var/run/docker.sock' }, /dockerUrl must begin with unix:\/\//],
    [{ cpus: 0 }, /cpus must be a number above 0/],
  ])('%j is refused where it is made', async (options, says) => {
    await expect(run(options)).rejects.toThrow(says);
  });
});
