import { readFile } from 'node:fs/promises';
import { Operator, skip } from '@millrace/sdk';
import type { Connection, OperatorOptions, TaskContext } from '@millrace/sdk';
import { needText, oneOf, optionalText, positiveNumber, textTable, wholeNumber } from '../options/check-options.js';
import { LineSplitter } from '../processes/line-splitter.js';
import { taskEnvironment } from '../processes/task-environment.js';
import { DockerEngine } from './docker-engine.js';
import type { DockerAddress } from './docker-engine.js';
import { LogFrames } from './log-frames.js';

export interface DockerMount {
  /** On the engine's machine: a path, or the name of a volume. */
  readonly source: string;
  /** In the container, absolute. */
  readonly target: string;
  /** @default false */
  readonly readOnly?: boolean;
}

export interface DockerOperatorOptions extends OperatorOptions {
  /** Template. */
  readonly image: string;
  /** A list, or a text for `/bin/sh -c`. Template. @default the image's own */
  readonly command?: string | readonly string[];
  /** Template. @default the image's own */
  readonly entrypoint?: readonly string[];
  /** Besides the names that say which task this is (`AIRFLOW_CTX_*`). Not for secrets: whoever may look at containers sees them. Template. */
  readonly env?: Readonly<Record<string, string>>;
  /** @default the engine names it */
  readonly containerName?: string;
  /** `missing`: when the engine does not have it. @default 'missing' */
  readonly pull?: 'always' | 'missing' | 'never';
  readonly mounts?: readonly DockerMount[];
  /** Absolute, in the container. Template. */
  readonly workingDir?: string;
  /** `1000`, or `1000:1000`. */
  readonly user?: string;
  /** e.g. `host`, `none`, or the name of a network. @default the engine's */
  readonly networkMode?: string;
  /** MB; a container that takes more is killed. @default no limit */
  readonly memoryMb?: number;
  /** Of the machine's processors, e.g. 0.5. @default no limit */
  readonly cpus?: number;
  readonly labels?: Readonly<Record<string, string>>;
  /** Remove it when it has ended; `success` keeps those that failed. @default 'always' */
  readonly remove?: 'always' | 'success' | 'never';
  /** Exit codes that mean "skipped". @default 99 */
  readonly skipOnExitCode?: number | readonly number[] | null;
  /** Between SIGTERM and SIGKILL when the try is stopped, whole seconds. @default 10 */
  readonly stopGraceSeconds?: number;
  /** Address of the engine: `unix:///var/run/docker.sock`, `tcp://host:2375`, `https://host:2376`. @default that of the connection, else the socket */
  readonly dockerUrl?: string;
  /**
   * A connection of type docker: host (with port) of the engine, unless `dockerUrl` says; `extra.tls_ca_cert`, `tls_client_cert`, `tls_client_key`: paths of PEM
   * files for https. Login and password are those of the registry. @default none
   */
  readonly connectionId?: string;
}

/**
 * Runs a container and waits for its end, in a slot. Its output goes to the log; the last line of stdout is kept as XCom. A container that another
 * try of this instance left running, because its worker was killed, is removed before this one starts.
 */
export class DockerOperator extends Operator<string> {
  static override readonly uiColor: string = '#e0f0ff';
  override readonly templateFields: readonly string[] = ['image', 'command', 'entrypoint', 'env', 'workingDir'];
  readonly image: string;
  readonly command: string | readonly string[] | undefined;
  readonly entrypoint: readonly string[] | undefined;
  readonly env: Readonly<Record<string, string>>;
  readonly workingDir: string | undefined;
  readonly connectionId: string | undefined;
  readonly pull: 'always' | 'missing' | 'never';
  readonly remove: 'always' | 'success' | 'never';
  readonly skipOnExitCode: readonly number[];
  readonly stopGraceSeconds: number;
  private readonly given: DockerOperatorOptions;

  constructor(id: string, options: DockerOperatorOptions) {
    super(id, options);
    this.image = needText(this.taskId, 'image', options?.image);
    this.command = options.command;
    this.entrypoint = options.entrypoint;
    this.env = textTable(this.taskId, 'env', options.env);
    this.workingDir = optionalText(this.taskId, 'workingDir', options.workingDir);
    this.connectionId = optionalText(this.taskId, 'connectionId', options.connectionId);
    this.pull = oneOf(this.taskId, 'pull', options.pull, ['always', 'missing', 'never'], 'missing');
    this.remove = oneOf(this.taskId, 'remove', options.remove, ['always', 'success', 'never'], 'always');
    const codes = options.skipOnExitCode === undefined ? 99 : options.skipOnExitCode;
    this.skipOnExitCode = codes === null ? [] : typeof codes === 'number' ? [codes] : codes;
    this.stopGraceSeconds = wholeNumber(this.taskId, 'stopGraceSeconds', options.stopGraceSeconds, 10, 0);
    if (options.memoryMb !== undefined) positiveNumber(this.taskId, 'memoryMb', options.memoryMb, 1);
    if (options.cpus !== undefined) positiveNumber(this.taskId, 'cpus', options.cpus, 1);
    const wrong = options.mounts?.find((mount) => typeof mount.source !== 'string' || !mount.target?.startsWith('/'));
    if (wrong !== undefined) throw new TypeError(`task "${this.taskId}": a mount needs a source and an absolute target, got ${JSON.stringify(wrong)}`);
    if (options.dockerUrl !== undefined && !/^(unix|tcp|https?):\/\//.test(options.dockerUrl)) throw new TypeError(`task "${this.taskId}": dockerUrl must begin with unix://, tcp://, http:// or https://, got ${JSON.stringify(options.dockerUrl)}`);
    this.given = options;
  }

  override async execute(context: TaskContext): Promise<string> {
    const connection = this.connectionId === undefined ? undefined : await context.connections.get(this.connectionId);
    const engine = new DockerEngine(await addressOf(this.given.dockerUrl, connection));
    const labels = { 'millrace.dag_id': context.dagId, 'millrace.run_id': context.runId, 'millrace.task_id': context.taskId, 'millrace.map_index': context.indexPath.join('.') };
    for (const left of await engine.withLabels(labels)) {
      if (left.State !== 'running' && left.State !== 'created') continue;
      context.log.warn(`An earlier try left container ${left.Id.slice(0, 12)} behind; it is removed`);
      await engine.remove(left.Id);
    }
    if (this.pull === 'always' || (this.pull === 'missing' && !(await engine.hasImage(this.image)))) {
      context.log.info(`Pulling ${this.image}`);
      const auth = connection?.login && connection.password !== null ? { username: connection.login, password: connection.password } : undefined;
      await engine.pull(this.image, auth, context.signal, (text) => context.log.info(text));
    }
    const id = await engine.create(this.given.containerName, this.#container({ ...this.given.labels, ...labels, 'millrace.attempt_id': context.attemptId }, context));
    context.log.info(`Container ${id.slice(0, 12)} of ${this.image}`);
    return this.#run(engine, id, context);
  }

  async #run(engine: DockerEngine, id: string, context: TaskContext): Promise<string> {
    let isGood = false;
    const stop = (): void => void engine.stop(id, this.stopGraceSeconds).catch(() => undefined);
    context.signal.addEventListener('abort', stop, { once: true });
    try {
      context.signal.throwIfAborted();
      // Asked before it starts: what ends at once is not missed. The signal does not cut it off: it ends when the container was stopped.
      const end = await engine.nextExit(id);
      await engine.start(id);
      const lastLine = await this.#follow(engine, id, context);
      const exitCode = await end.exitCode;
      context.signal.throwIfAborted();
      if (this.skipOnExitCode.includes(exitCode)) {
        isGood = true;
        skip(`The container returned exit code ${exitCode}. Skipping.`);
      }
      if (exitCode !== 0) {
        const { State } = await engine.inspect(id);
        throw new Error(`the container failed with exit code ${exitCode}${State.OOMKilled === true ? ': it took more memory than memoryMb allows' : ''}${State.Error ? `: ${State.Error}` : ''}`);
      }
      isGood = true;
      return lastLine;
    } finally {
      context.signal.removeEventListener('abort', stop);
      if (this.remove === 'always' || (this.remove === 'success' && isGood)) await engine.remove(id).catch((error: unknown) => context.log.warn(`container ${id.slice(0, 12)} could not be removed: ${String(error)}`));
    }
  }

  async #follow(engine: DockerEngine, id: string, { log }: TaskContext): Promise<string> {
    let lastLine = '';
    const lines = {
      stdout: new LineSplitter((line) => {
        lastLine = line;
        log.info(line);
      }),
      stderr: new LineSplitter((line) => log.info(line)),
    };
    const frames = new LogFrames((stream, content) => lines[stream].write(content));
    for await (const chunk of await engine.logs(id)) frames.write(chunk as Buffer);
    lines.stdout.end();
    lines.stderr.end();
    return lastLine;
  }

  #container(labels: Readonly<Record<string, string>>, context: TaskContext): object {
    const { mounts, user, networkMode, memoryMb, cpus } = this.given;
    const { MILLRACE_RUNNER: _mark, ...names } = taskEnvironment(context);
    const bytes = memoryMb === undefined ? undefined : Math.round(memoryMb * 1_048_576);
    return {
      Image: this.image,
      ...(this.command === undefined ? {} : { Cmd: typeof this.command === 'string' ? ['/bin/sh', '-c', this.command] : this.command }),
      ...(this.entrypoint === undefined ? {} : { Entrypoint: this.entrypoint }),
      Env: Object.entries({ ...names, ...this.env }).map(([name, value]) => `${name}=${value}`),
      ...(this.workingDir === undefined ? {} : { WorkingDir: this.workingDir }),
      ...(user === undefined ? {} : { User: user }),
      Labels: labels,
      Tty: false,
      HostConfig: {
        ...(mounts === undefined ? {} : { Mounts: mounts.map(({ source, target, readOnly }) => ({ Type: source.startsWith('/') ? 'bind' : 'volume', Source: source, Target: target, ReadOnly: readOnly ?? false })) }),
        ...(networkMode === undefined ? {} : { NetworkMode: networkMode }),
        ...(bytes === undefined ? {} : { Memory: bytes, MemorySwap: bytes }),
        ...(cpus === undefined ? {} : { NanoCpus: Math.round(cpus * 1e9) }),
        // The task waits for its end; an engine that starts it again would run it twice.
        RestartPolicy: { Name: 'no' },
        AutoRemove: false,
      },
    };
  }
}

/** Also for testing a connection. */
export async function addressOf(url: string | undefined, connection: Connection | undefined): Promise<DockerAddress> {
  const pem = async (name: string): Promise<string | undefined> => {
    const path = connection?.extra[name];
    return typeof path === 'string' && path !== '' ? readFile(path, 'utf8') : undefined;
  };
  const [ca, cert, key] = [await pem('tls_ca_cert'), await pem('tls_client_cert'), await pem('tls_client_key')];
  const host = connection?.host ?? '';
  const named = host === '' ? 'unix:///var/run/docker.sock' : /^(unix|tcp|https?):\/\//.test(host) ? host : `${cert === undefined ? 'tcp' : 'https'}://${host}`;
  const port = connection?.port ?? null;
  return { url: url ?? (port === null || named.startsWith('unix:') ? named : `${named}:${port}`), ca, cert, key };
}
