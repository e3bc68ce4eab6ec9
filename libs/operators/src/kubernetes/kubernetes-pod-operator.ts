import { createHash } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { Operator, secondsOf, skip } from '@millrace/sdk';
import type { Duration, OperatorOptions, TaskContext } from '@millrace/sdk';
import { needText, oneOf, optionalText, textTable, wholeNumber } from '../options/check-options.js';
import { LineSplitter } from '../processes/line-splitter.js';
import { taskEnvironment } from '../processes/task-environment.js';
import { KubernetesError, PodApi, clusterOf } from './pod-api.js';
import type { ContainerState, PodStatus } from './pod-api.js';

export interface KubernetesPodOperatorOptions extends OperatorOptions {
  /** Template. */
  readonly image: string;
  /** Replaces the image's entrypoint. Template. */
  readonly cmds?: readonly string[];
  /** Template. */
  readonly args?: readonly string[];
  /** Not for secrets: give those by `podSpec` from the cluster's own. Template. */
  readonly env?: Readonly<Record<string, string>>;
  /** What the pod's name begins with. @default the task's id */
  readonly name?: string;
  /** @default that of the connection, or of the service account */
  readonly namespace?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly serviceAccountName?: string;
  /** e.g. `{ requests: { cpu: '500m' }, limits: { memory: '1Gi' } }` */
  readonly resources?: { readonly requests?: Readonly<Record<string, string>>; readonly limits?: Readonly<Record<string, string>> };
  /** More of a pod's `spec` in Kubernetes' words: volumes, tolerations, nodeSelector, more containers. Of a container called `base` the fields are those of the task's. Template. */
  readonly podSpec?: Readonly<Record<string, unknown>>;
  /** The container must run by then. @default '10m' */
  readonly startupTimeout?: Duration;
  /** Delete the pod when it has ended; `success` keeps those that failed. @default 'always' */
  readonly remove?: 'always' | 'success' | 'never';
  /** Exit codes that mean "skipped". @default 99 */
  readonly skipOnExitCode?: number | readonly number[] | null;
  /** Between SIGTERM and SIGKILL when the try is stopped, whole seconds. @default 30 */
  readonly stopGraceSeconds?: number;
  /** Between two looks at the pod, seconds. @default 2 */
  readonly lookEverySeconds?: number;
  /** A connection of type kubernetes. @default none: the service account of the pod the worker runs in */
  readonly connectionId?: string;
}

const CONTAINER = 'base';
const INSTANCE_LABEL = 'millrace-instance';

/**
 * Runs a container as a pod of its own and waits for its end, in a slot. Its output goes to the log; the last line is kept as XCom. A pod that another
 * try of this instance left, because its worker was killed, is deleted before this one starts.
 */
export class KubernetesPodOperator extends Operator<string> {
  static override readonly uiColor: string = '#e0e8ff';
  override readonly templateFields: readonly string[] = ['image', 'cmds', 'args', 'env', 'podSpec'];
  readonly image: string;
  readonly cmds: readonly string[] | undefined;
  readonly args: readonly string[] | undefined;
  readonly env: Readonly<Record<string, string>>;
  readonly podSpec: Readonly<Record<string, unknown>>;
  readonly connectionId: string | undefined;
  readonly remove: 'always' | 'success' | 'never';
  readonly startupTimeoutSeconds: number;
  readonly skipOnExitCode: readonly number[];
  readonly stopGraceSeconds: number;
  readonly lookEveryMs: number;
  private readonly given: KubernetesPodOperatorOptions;

  constructor(id: string, options: KubernetesPodOperatorOptions) {
    super(id, options);
    this.image = needText(this.taskId, 'image', options?.image);
    for (const name of ['cmds', 'args'] as const) if (options[name] !== undefined && !Array.isArray(options[name])) throw new TypeError(`task "${this.taskId}": ${name} must be a list of texts`);
    this.cmds = options.cmds;
    this.args = options.args;
    this.env = textTable(this.taskId, 'env', options.env);
    this.podSpec = options.podSpec ?? {};
    this.connectionId = optionalText(this.taskId, 'connectionId', options.connectionId);
    this.remove = oneOf(this.taskId, 'remove', options.remove, ['always', 'success', 'never'], 'always');
    this.startupTimeoutSeconds = secondsOf(options.startupTimeout ?? '10m', `task "${this.taskId}": startupTimeout`);
    const codes = options.skipOnExitCode === undefined ? 99 : options.skipOnExitCode;
    this.skipOnExitCode = codes === null ? [] : typeof codes === 'number' ? [codes] : codes;
    this.stopGraceSeconds = wholeNumber(this.taskId, 'stopGraceSeconds', options.stopGraceSeconds, 30, 0);
    this.lookEveryMs = (options.lookEverySeconds ?? 2) * 1_000;
    if (!(this.lookEveryMs > 0)) throw new RangeError(`task "${this.taskId}": lookEverySeconds must be above 0`);
    this.given = options;
  }

  override async execute(context: TaskContext): Promise<string> {
    const cluster = await clusterOf(this.connectionId === undefined ? undefined : await context.connections.get(this.connectionId));
    const api = new PodApi(cluster, this.given.namespace ?? cluster.namespace);
    const instance = createHash('sha256').update(JSON.stringify([context.dagId, context.runId, context.taskId, context.indexPath])).digest('hex').slice(0, 40);
    for (const left of await api.list(`${INSTANCE_LABEL}=${instance}`)) {
      if (['Succeeded', 'Failed'].includes(left.status?.phase ?? '')) continue;
      context.log.warn(`An earlier try left pod ${left.metadata.name} behind; it is deleted`);
      await api.delete(left.metadata.name, 0);
    }
    context.signal.throwIfAborted();
    const { metadata } = await api.create(this.#pod(instance, context));
    context.log.info(`Pod ${metadata.name} of ${this.image}`);
    let isGood = false;
    try {
      const { lastLine, end } = await this.#watch(api, metadata.name, context);
      if (this.skipOnExitCode.includes(end.exitCode)) {
        isGood = true;
        skip(`The pod returned exit code ${end.exitCode}. Skipping.`);
      }
      if (end.exitCode !== 0) throw new Error(`pod ${metadata.name} failed with exit code ${end.exitCode}${end.reason === undefined || end.reason === 'Error' ? '' : ` (${end.reason})`}${end.message === undefined ? '' : `: ${end.message}`}`);
      isGood = true;
      return lastLine;
    } finally {
      // One that is to stop goes whatever `remove` says: it would run on.
      if (context.signal.aborted || this.remove === 'always' || (this.remove === 'success' && isGood)) {
        await api.delete(metadata.name, this.stopGraceSeconds).catch((error: unknown) => context.log.warn(`pod ${metadata.name} could not be deleted: ${String(error)}`));
      }
    }
  }

  async #watch(api: PodApi, name: string, context: TaskContext): Promise<{ readonly lastLine: string; readonly end: NonNullable<ContainerState['terminated']> }> {
    const began = Date.now();
    const log = new PodLog(api, name, context);
    for (let told = ''; ; ) {
      const pod = await api.get(name).catch((error: unknown) => {
        // The API's servers are replaced while pods run.
        if (error instanceof KubernetesError && error.status < 500) throw error;
        context.log.warn(`The pod could not be looked at: ${(error as Error).message}`);
        return undefined;
      });
      if (pod === null) throw new Error(`pod ${name} is gone: somebody deleted it, or its node is lost`);
      const state = pod === undefined ? undefined : stateOf(pod);
      if (state?.terminated !== undefined) {
        await log.rest();
        return { lastLine: log.lastLine, end: state.terminated };
      }
      const phase = pod?.status?.phase;
      // Evicted, or lost with its node: there is no container to tell of an end.
      if (phase === 'Failed') throw new Error(`pod ${name} failed: ${pod?.status?.reason ?? 'no reason'} ${pod?.status?.message ?? ''}`.trim());
      if (state?.running !== undefined) log.follow();
      else if (pod !== undefined) {
        const why = whyWaiting(pod, state);
        if (why !== told) context.log.info(`Waiting for the pod: ${why}`);
        told = why;
        if (Date.now() - began > this.startupTimeoutSeconds * 1_000) throw new Error(`pod ${name} did not start within ${this.startupTimeoutSeconds} s: ${why}`);
      }
      await wait(this.lookEveryMs, undefined, { signal: context.signal }).catch(() => context.signal.throwIfAborted());
    }
  }

  #pod(instance: string, context: TaskContext): object {
    const { name, labels, annotations, serviceAccountName, resources } = this.given;
    const { MILLRACE_RUNNER: _mark, ...names } = taskEnvironment(context);
    const { containers, ...spec } = this.podSpec as { containers?: readonly Record<string, unknown>[] };
    const own = containers?.find((container) => container['name'] === CONTAINER);
    const start = (name ?? context.taskId).toLowerCase().replaceAll(/[^a-z0-9]+/g, '-').replaceAll(/^-+|-+$/g, '').slice(0, 40) || 'task';
    return {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        // Each attempt has a name of its own, and the same one when it is asked for twice.
        name: `${start}-${createHash('sha256').update(context.attemptId).digest('hex').slice(0, 12)}`,
        labels: { ...labels, [INSTANCE_LABEL]: instance },
        annotations: { ...annotations, 'millrace/dag_id': context.dagId, 'millrace/run_id': context.runId, 'millrace/task_id': context.taskId, 'millrace/try_number': String(context.tryNumber) },
      },
      spec: {
        ...(serviceAccountName === undefined ? {} : { serviceAccountName }),
        ...spec,
        restartPolicy: 'Never',
        containers: [
          {
            ...own, name: CONTAINER, image: this.image,
            ...(this.cmds === undefined ? {} : { command: this.cmds }), ...(this.args === undefined ? {} : { args: this.args }),
            env: [...Object.entries({ ...names, ...this.env }).map(([key, value]) => ({ name: key, value })), ...((own?.['env'] as object[] | undefined) ?? [])],
            ...(resources === undefined ? {} : { resources }),
          },
          ...(containers?.filter((container) => container !== own) ?? []),
        ],
      },
    };
  }
}

/** What a pod writes, each line once, also when the server ends a stream in the middle. */
class PodLog {
  lastLine = '';
  #since: string | undefined;
  /** Lines of the very moment the last one was written: a stream that begins there tells them again. */
  #atSince = new Set<string>();
  #following: Promise<void> | null = null;

  constructor(private readonly api: PodApi, private readonly name: string, private readonly context: TaskContext) {}

  follow(): void {
    this.#following ??= this.#read()
      .catch((error: unknown) => {
        if (!this.context.signal.aborted) this.context.log.warn(`The pod's log was cut off, and is asked for again: ${(error as Error).message}`);
      })
      .finally(() => (this.#following = null));
  }

  /** Everything there is, now that it has ended. */
  async rest(): Promise<void> {
    await this.#following;
    this.follow();
    await this.#following;
  }

  async #read(): Promise<void> {
    const response = await this.api.logs(this.name, CONTAINER, this.#since, this.context.signal);
    const lines = new LineSplitter((line) => this.#take(line));
    // What is left without an end when the stream breaks is asked for again.
    for await (const chunk of response) lines.write(chunk as Buffer);
    lines.end();
  }

  #take(line: string): void {
    const space = line.indexOf(' ');
    const [time, text] = space < 0 ? [line, ''] : [line.slice(0, space), line.slice(space + 1)];
    if (this.#since !== undefined && (time < this.#since || (time === this.#since && this.#atSince.has(text)))) return;
    if (time !== this.#since) this.#atSince = new Set();
    this.#since = time;
    this.#atSince.add(text);
    this.lastLine = text;
    this.context.log.info(text);
  }
}

function stateOf(pod: PodStatus): ContainerState | undefined {
  return pod.status?.containerStatuses?.find((container) => container.name === CONTAINER)?.state;
}

function whyWaiting(pod: PodStatus, state: ContainerState | undefined): string {
  const unscheduled = pod.status?.conditions?.find((condition) => condition.type === 'PodScheduled' && condition.status === 'False');
  const { reason, message } = state?.waiting ?? unscheduled ?? {};
  return `${reason ?? pod.status?.phase ?? 'Pending'}${message === undefined ? '' : `: ${message}`}`;
}
