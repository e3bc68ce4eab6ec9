import { readFile } from 'node:fs/promises';
import { request as requestHttp } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { request as requestHttps } from 'node:https';
import { join } from 'node:path';
import type { Connection } from '@millrace/sdk';

/** The cluster refused. `code` is `KUBERNETES_<status>`, for retry policies. */
export class KubernetesError extends Error {
  override readonly name = 'KubernetesError';
  readonly code: string;
  constructor(readonly status: number, message: string) {
    super(message);
    this.code = `KUBERNETES_${status}`;
  }
}

export interface ContainerState {
  readonly waiting?: { readonly reason?: string; readonly message?: string };
  readonly running?: object;
  readonly terminated?: { readonly exitCode: number; readonly reason?: string; readonly message?: string };
}

export interface PodStatus {
  readonly metadata: { readonly name: string; readonly deletionTimestamp?: string };
  readonly status?: {
    readonly phase?: string;
    readonly reason?: string;
    readonly message?: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string; readonly reason?: string; readonly message?: string }[];
    readonly containerStatuses?: readonly { readonly name: string; readonly state?: ContainerState }[];
  };
}

export interface Cluster {
  readonly url: string;
  readonly token: string;
  /** PEM; undefined: the machine's own authorities. */
  readonly ca: string | undefined;
  readonly namespace: string;
}

const ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';
const ANSWER_WITHIN_MS = 30_000;

/**
 * A connection of type kubernetes: host is the API's address (`https://…`), the password its token; extra: `ca` (PEM) or `ca_file`, `namespace`. Without a connection
 * the service account of the pod this runs in.
 */
export async function clusterOf(connection: Connection | undefined): Promise<Cluster> {
  if (connection === undefined) {
    const read = (name: string): Promise<string> => readFile(join(ACCOUNT, name), 'utf8');
    try {
      return { url: 'https://kubernetes.default.svc', token: (await read('token')).trim(), ca: await read('ca.crt'), namespace: (await read('namespace')).trim() };
    } catch (error) {
      throw new Error(`no connection is given, and this worker runs in no pod with a service account (${ACCOUNT}); give connectionId`, { cause: error });
    }
  }
  const { host, port, extra, connectionId, password } = connection;
  if (host === null || !/^https?:\/\//.test(host)) throw new TypeError(`host of connection "${connectionId}" must be the address of the cluster's API, https://…`);
  if (password === null || password === '') throw new TypeError(`connection "${connectionId}" has no password: put the token of a service account there`);
  const file = extra['ca_file'];
  const ca = typeof extra['ca'] === 'string' ? extra['ca'] : typeof file === 'string' ? await readFile(file, 'utf8') : undefined;
  return { url: port === null ? host : `${host.replace(/\/+$/, '')}:${port}`, token: password, ca, namespace: typeof extra['namespace'] === 'string' ? extra['namespace'] : 'default' };
}

/** The few calls a pod per task needs. The official client is 67 MB. */
export class PodApi {
  constructor(private readonly cluster: Cluster, private readonly namespace: string) {}

  async version(): Promise<string> {
    return ((await this.#json('GET', '/version')) as { gitVersion: string }).gitVersion;
  }

  async create(pod: object): Promise<PodStatus> {
    return (await this.#json('POST', this.#pods(''), pod)) as PodStatus;
  }

  /** null: there is none. */
  async get(name: string): Promise<PodStatus | null> {
    try {
      return (await this.#json('GET', this.#pods(`/${name}`))) as PodStatus;
    } catch (error) {
      if (error instanceof KubernetesError && error.status === 404) return null;
      throw error;
    }
  }

  async list(labelSelector: string): Promise<readonly PodStatus[]> {
    return ((await this.#json('GET', this.#pods('', { labelSelector }))) as { items: PodStatus[] }).items;
  }

  /** Gone already is as good. */
  async delete(name: string, graceSeconds: number): Promise<void> {
    try {
      await this.#json('DELETE', this.#pods(`/${name}`), { apiVersion: 'v1', kind: 'DeleteOptions', gracePeriodSeconds: graceSeconds });
    } catch (error) {
      if (!(error instanceof KubernetesError && error.status === 404)) throw error;
    }
  }

  /** Lines a container wrote since a moment, each with its time in front, until it ends or the server has enough. */
  logs(name: string, container: string, sinceTime: string | undefined, signal: AbortSignal): Promise<IncomingMessage> {
    return this.#send('GET', this.#pods(`/${name}/log`, { container, follow: 'true', timestamps: 'true', ...(sinceTime === undefined ? {} : { sinceTime }) }), undefined, signal, 0);
  }

  #pods(rest: string, query: Readonly<Record<string, string>> = {}): string {
    const text = new URLSearchParams(query).toString();
    return `/api/v1/namespaces/${encodeURIComponent(this.namespace)}/pods${rest}${text === '' ? '' : `?${text}`}`;
  }

  async #json(method: string, path: string, body?: object): Promise<unknown> {
    return JSON.parse(await textOf(await this.#send(method, path, body)));
  }

  async #send(method: string, path: string, body?: object, signal?: AbortSignal, silentMs = ANSWER_WITHIN_MS): Promise<IncomingMessage> {
    const { url, token, ca } = this.cluster;
    const text = body === undefined ? undefined : JSON.stringify(body);
    const secure = url.startsWith('https:');
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const headers = { accept: 'application/json', authorization: `Bearer ${token}`, ...(text === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }) };
      const request = (secure ? requestHttps : requestHttp)(new URL(path, url), { method, headers, ...(silentMs === 0 ? {} : { timeout: silentMs }), ...(secure && ca !== undefined ? { ca } : {}), ...(signal === undefined ? {} : { signal }) }, resolve);
      request.once('timeout', () => request.destroy(new Error(`no answer within ${silentMs / 1_000} s`)));
      request.once('error', (error) => reject(new Error(`the cluster at ${url} cannot be reached: ${error.message}`, { cause: error })));
      request.end(text);
    });
    const status = response.statusCode ?? 0;
    if (status >= 200 && status < 300) return response;
    throw new KubernetesError(status, `Kubernetes: ${messageIn(await textOf(response))} (${status})`);
  }
}

async function textOf(response: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) text += String(chunk);
  return text;
}

function messageIn(text: string): string {
  try {
    return (JSON.parse(text) as { message?: string }).message ?? text.slice(0, 300);
  } catch {
    return text.slice(0, 300);
  }
}
