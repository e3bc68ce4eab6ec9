import { readFile } from 'node:fs/promises';
import { request as requestHttp } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { request as requestHttps } from 'node:https';
import { createInterface } from 'node:readline';
import { join } from 'node:path';

export interface Pod {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly uid?: string; readonly resourceVersion?: string; readonly creationTimestamp?: string; readonly deletionTimestamp?: string; readonly labels?: Readonly<Record<string, string>>; readonly annotations?: Readonly<Record<string, string>> };
  readonly spec: Readonly<Record<string, unknown>>;
  readonly status?: { readonly phase?: 'Pending' | 'Running' | 'Succeeded' | 'Failed' | 'Unknown'; readonly reason?: string; readonly message?: string; readonly containerStatuses?: readonly ContainerStatus[]; readonly conditions?: readonly { readonly type: string; readonly status: string; readonly message?: string }[] };
}

export interface ContainerStatus {
  readonly name: string;
  readonly state?: { readonly waiting?: { readonly reason?: string; readonly message?: string }; readonly terminated?: { readonly exitCode: number; readonly reason?: string; readonly finishedAt?: string } };
}

export interface WatchEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  readonly object: Pod & { readonly code?: number; readonly message?: string };
}

/** An answer of the API that is no success; `status` is HTTP's. */
export class KubernetesError extends Error {
  override readonly name = 'KubernetesError';
  constructor(readonly status: number, message: string, readonly retryAfterSeconds: number | null = null) {
    super(message);
  }
}

export interface KubernetesClientOptions {
  /** E.g. `https://10.0.0.1:443`. */
  readonly url: string;
  /** With `token` and, for https, `ca.crt`; read anew, because tokens are renewed in place. */
  readonly serviceAccountFolder: string;
  readonly namespace: string;
}

const ANSWER_WITHIN_MS = 30_000;
/** The server ends a watch by itself after this; a connection that is silent for longer is dead. */
const WATCH_SECONDS = 240;

/** The few calls of Kubernetes' API that pods need, by service-account token. The official client is 67 MB. */
export class KubernetesClient {
  constructor(private readonly options: KubernetesClientOptions) {}

  get namespace(): string {
    return this.options.namespace;
  }

  createPod(pod: Pod): Promise<Pod> {
    return this.#json<Pod>('POST', this.#path(''), pod);
  }

  async listPods(labelSelector: string): Promise<{ readonly pods: readonly Pod[]; readonly resourceVersion: string }> {
    const list = await this.#json<{ items: Pod[]; metadata: { resourceVersion: string } }>('GET', this.#path('', { labelSelector }));
    return { pods: list.items, resourceVersion: list.metadata.resourceVersion };
  }

  /** Events after a version until the server ends the watch. @throws KubernetesError 410 when the version is too old: list again */
  async *watchPods(labelSelector: string, resourceVersion: string, signal: AbortSignal): AsyncGenerator<WatchEvent> {
    const path = this.#path('', { labelSelector, resourceVersion, watch: '1', allowWatchBookmarks: 'true', timeoutSeconds: String(WATCH_SECONDS) });
    const response = await this.#send('GET', path, undefined, { signal, silentMs: (WATCH_SECONDS + 30) * 1_000 });
    try {
      for await (const line of createInterface({ input: response })) {
        if (line === '') continue;
        const event = JSON.parse(line) as WatchEvent;
        if (event.type === 'ERROR') throw new KubernetesError(event.object.code ?? 500, event.object.message ?? 'the watch ended with an error');
        yield event;
      }
    } catch (error) {
      if (signal.aborted) return;
      throw error;
    } finally {
      response.destroy();
    }
  }

  /** Gone already is as good. */
  async deletePod(name: string, graceSeconds?: number): Promise<void> {
    try {
      await this.#json('DELETE', this.#path(`/${name}`), graceSeconds === undefined ? undefined : { apiVersion: 'v1', kind: 'DeleteOptions', gracePeriodSeconds: graceSeconds });
    } catch (error) {
      if (!(error instanceof KubernetesError && error.status === 404)) throw error;
    }
  }

  /** The last lines a pod's container wrote. */
  async podLog(name: string, container: string, tailLines: number): Promise<string> {
    return textOf(await this.#send('GET', this.#path(`/${name}/log`, { container, tailLines: String(tailLines) }), undefined, {}));
  }

  #path(rest: string, query: Readonly<Record<string, string>> = {}): string {
    const text = new URLSearchParams(query).toString();
    return `/api/v1/namespaces/${encodeURIComponent(this.options.namespace)}/pods${rest}${text === '' ? '' : `?${text}`}`;
  }

  async #json<Body>(method: string, path: string, body?: unknown): Promise<Body> {
    return JSON.parse(await textOf(await this.#send(method, path, body, {}))) as Body;
  }

  async #send(method: string, path: string, body: unknown, { signal, silentMs = ANSWER_WITHIN_MS }: { readonly signal?: AbortSignal; readonly silentMs?: number }): Promise<IncomingMessage> {
    const { url, serviceAccountFolder } = this.options;
    const secure = url.startsWith('https:');
    const token = (await readFile(join(serviceAccountFolder, 'token'), 'utf8')).trim();
    const ca = secure ? await readFile(join(serviceAccountFolder, 'ca.crt')) : undefined;
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const text = body === undefined ? undefined : JSON.stringify(body);
      const headers = { accept: 'application/json', authorization: `Bearer ${token}`, ...(text === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }) };
      const request = (secure ? requestHttps : requestHttp)(new URL(path, url), { method, headers, timeout: silentMs, ...(ca === undefined ? {} : { ca }), ...(signal === undefined ? {} : { signal }) }, resolve);
      request.once('error', reject);
      request.once('timeout', () => request.destroy(new Error(`no answer within ${silentMs / 1_000} s`)));
      request.end(text);
    });
    const status = response.statusCode ?? 0;
    if (status >= 200 && status < 300) return response;
    const text = await textOf(response);
    const retryAfter = Number(response.headers['retry-after']);
    throw new KubernetesError(status, `${method} ${path.split('?')[0]} answered ${status}: ${messageIn(text)}`, Number.isFinite(retryAfter) && response.headers['retry-after'] !== undefined ? retryAfter : null);
  }
}

async function textOf(response: IncomingMessage): Promise<string> {
  let text = '';
  response.setEncoding('utf8');
  for await (const chunk of response) text += chunk as string;
  return text;
}

function messageIn(text: string): string {
  try {
    return (JSON.parse(text) as { message?: string }).message ?? text.slice(0, 300);
  } catch {
    return text.slice(0, 300);
  }
}
