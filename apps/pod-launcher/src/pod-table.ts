import { setTimeout as sleep } from 'node:timers/promises';
import { backoffMs } from '@millrace/lifecycle';
import type { Logger } from '@millrace/telemetry';
import { KubernetesError } from './kubernetes/kubernetes-client.js';
import type { KubernetesClient, Pod } from './kubernetes/kubernetes-client.js';

/** What a launcher knows of its pods: listed once, then watched. A new process finds the pods of the one before. */
export class PodTable {
  readonly pods = new Map<string, Pod>();
  #waiters: (() => void)[] = [];
  #synced = false;
  trouble: string | null = 'not listed yet';

  constructor(
    private readonly client: KubernetesClient,
    private readonly selector: string,
    private readonly logger: Logger,
    private readonly onFinished: (pod: Pod) => void,
  ) {}

  get isSynced(): boolean {
    return this.#synced;
  }

  /** Pods that hold a place: neither finished nor gone. */
  get live(): number {
    let live = 0;
    for (const pod of this.pods.values()) if (!isFinished(pod)) live++;
    return live;
  }

  /** Until the signal: list, watch, and again. */
  async run(signal: AbortSignal): Promise<void> {
    signal.addEventListener('abort', () => this.#wake(), { once: true });
    for (let failures = 0; !signal.aborted; ) {
      try {
        const { pods, resourceVersion } = await this.client.listPods(this.selector);
        this.#replace(pods);
        if (this.trouble !== null && failures > 0) this.logger.info('the cluster answers again');
        this.trouble = null;
        failures = 0;
        for (let version = resourceVersion; !signal.aborted; ) version = await this.#watch(version, signal);
      } catch (error) {
        if (signal.aborted) return;
        // Too old a version is no trouble: everything is listed anew.
        if (error instanceof KubernetesError && error.status === 410) continue;
        failures++;
        this.trouble = error instanceof Error ? error.message : String(error);
        if (failures === 1 || failures % 20 === 0) this.logger.warn('the cluster does not answer; trying again', { reason: this.trouble, failures });
        await sleep(backoffMs(failures, { minMs: 200, maxMs: 10_000 }), undefined, { signal }).catch(() => undefined);
      }
    }
  }

  /** A pod that was just made, before its event comes. */
  made(pod: Pod): void {
    if (!this.pods.has(pod.metadata.name)) this.pods.set(pod.metadata.name, pod);
  }

  /** Resolves at the next change of the table, at its end, or after a time. */
  changed(withinMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, withinMs);
      this.#waiters.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  async #watch(from: string, signal: AbortSignal): Promise<string> {
    let version = from;
    for await (const { type, object } of this.client.watchPods(this.selector, from, signal)) {
      version = object.metadata.resourceVersion ?? version;
      if (type === 'BOOKMARK') continue;
      if (type === 'DELETED') this.pods.delete(object.metadata.name);
      else this.#put(object);
      this.#wake();
    }
    return version;
  }

  #replace(pods: readonly Pod[]): void {
    const there = new Set(pods.map((pod) => pod.metadata.name));
    for (const name of this.pods.keys()) if (!there.has(name)) this.pods.delete(name);
    for (const pod of pods) this.#put(pod);
    if (!this.#synced && pods.length > 0) this.logger.info('pods of an earlier life are looked after', { pods: pods.length, live: this.live });
    this.#synced = true;
    this.#wake();
  }

  #put(pod: Pod): void {
    const before = this.pods.get(pod.metadata.name);
    this.pods.set(pod.metadata.name, pod);
    if (isFinished(pod) && (before === undefined || !isFinished(before))) this.onFinished(pod);
  }

  #wake(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const wake of waiters) wake();
  }
}

export function isFinished(pod: Pod): boolean {
  return pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
}
