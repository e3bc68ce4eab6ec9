import { execFileSync, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const NAME = /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/;
const TOKEN = 'service-account-token';

interface Watcher { readonly selector: string; readonly response: ServerResponse }

/**
 * Kubernetes' API for pods, over https with a token, as the real one speaks it: list, watch with resource versions and bookmarks, 409, 410, 422, quotas, deletion with a grace;
 * and a kubelet that runs a pod's container as a process of this machine.
 */
export class StandInCluster implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'millrace-cluster-'));
  readonly created: string[] = [];
  readonly requests: string[] = [];
  /** Pods the namespace may hold; more are refused as a quota does. */
  quota = Number.POSITIVE_INFINITY;
  /** What the next pods do instead of running: stay pending for a reason. */
  imagePullFails = false;
  readonly #pods = new Map<string, any>();
  readonly #processes = new Map<string, ChildProcess>();
  readonly #logs = new Map<string, string>();
  readonly #lines = new Map<string, { readonly time: string; readonly text: string }[]>();
  readonly #followers = new Map<ServerResponse, { readonly name: string; tell(): void }>();
  #watchers: Watcher[] = [];
  #version = 1_000;
  #oldest = 1_000;
  readonly #server;

  private constructor() {
    mkdirSync(join(this.folder, 'account'));
    execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', join(this.folder, 'key.pem'), '-out', join(this.folder, 'account', 'ca.crt')], { stdio: 'ignore' });
    writeFileSync(join(this.folder, 'account', 'token'), `${TOKEN}\n`);
    writeFileSync(join(this.folder, 'account', 'namespace'), 'flows');
    this.#server = createServer({ key: readFileSync(join(this.folder, 'key.pem')), cert: readFileSync(join(this.folder, 'account', 'ca.crt')) }, (request, response) => void this.#answer(request, response));
  }

  static async start(): Promise<StandInCluster> {
    const cluster = new StandInCluster();
    await new Promise<void>((resolve) => cluster.#server.listen(0, '127.0.0.1', resolve));
    return cluster;
  }

  get url(): string {
    return `https://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }
  get serviceAccountFolder(): string {
    return join(this.folder, 'account');
  }
  get pods(): readonly any[] {
    return [...this.#pods.values()];
  }

  /** A node that dies: the pod's process is gone, and nobody was asked. */
  killPod(name: string): void {
    this.#processes.get(name)?.kill('SIGKILL');
  }

  /** Old versions are forgotten, as etcd compacts: watches from them are answered 410. */
  compact(): void {
    this.#oldest = this.#version;
    for (const { response } of this.#watchers) response.end();
    this.#watchers = [];
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'https://x');
    const [, , , , namespace, , name, sub] = url.pathname.split('/');
    this.requests.push(`${request.method} ${url.pathname}`);
    if (request.headers.authorization !== `Bearer ${TOKEN}`) return status(response, 401, 'Unauthorized', 'Unauthorized');
    if (!url.pathname.startsWith('/api/v1/namespaces/') || namespace !== 'flows') return status(response, 403, 'Forbidden', 'pods is forbidden in this namespace');
    const pod = name === undefined ? undefined : this.#pods.get(name);
    if (name !== undefined && pod === undefined) return status(response, 404, 'NotFound', `pods "${name}" not found`);
    const selector = url.searchParams.get('labelSelector') ?? '';
    if (request.method === 'POST') return this.#create(JSON.parse(await textOf(request)), response);
    if (request.method === 'DELETE') return this.#delete(pod, response);
    if (sub === 'log') return this.#log(pod, url.searchParams, response);
    if (name !== undefined) return json(response, 200, pod);
    if (url.searchParams.get('watch') !== '1') return json(response, 200, { kind: 'PodList', apiVersion: 'v1', metadata: { resourceVersion: String(this.#version) }, items: this.pods.filter((each) => matches(each, selector)) });
    response.writeHead(200, { 'content-type': 'application/json' });
    const from = Number(url.searchParams.get('resourceVersion'));
    if (from < this.#oldest) return void response.end(`${JSON.stringify({ type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired', message: `too old resource version: ${from} (${this.#oldest})` } })}\n`);
    for (const each of this.pods) if (Number(each.metadata.resourceVersion) > from && matches(each, selector)) response.write(`${JSON.stringify({ type: 'MODIFIED', object: each })}\n`);
    response.write(`${JSON.stringify({ type: 'BOOKMARK', object: { metadata: { resourceVersion: String(this.#version) } } })}\n`);
    this.#watchers.push({ selector, response });
    response.on('close', () => (this.#watchers = this.#watchers.filter((watcher) => watcher.response !== response)));
  }

  /** Lines with their times and until the container ends when they are asked for so, as kubelets tell them. */
  #log(pod: any, query: URLSearchParams, response: ServerResponse): void {
    const name = pod.metadata.name as string;
    if (query.get('timestamps') !== 'true') return void response.end(this.#logs.get(name) ?? '');
    const since = query.get('sinceTime') ?? '';
    let told = 0;
    const tell = (): void => {
      const lines = this.#lines.get(name) ?? [];
      for (const { time, text } of lines.slice(told)) if (time >= since) response.write(`${time} ${text}\n`);
      told = lines.length;
      if (query.get('follow') !== 'true' || !this.#processes.has(name)) response.end();
    };
    this.#followers.set(response, { name, tell });
    response.on('close', () => this.#followers.delete(response));
    tell();
  }

  /** A connection to a log breaks: what it has told so far is told, and no more. */
  cutLogs(): void {
    for (const [response] of this.#followers) response.end();
  }

  #wrote(name: string, text: string): void {
    const lines = this.#lines.get(name) ?? [];
    for (const line of text.split('\n').slice(0, -1)) lines.push({ time: new Date().toISOString().replace('Z', '000000Z'), text: line });
    this.#lines.set(name, lines);
    for (const follower of this.#followers.values()) if (follower.name === name) follower.tell();
  }

  #create(pod: any, response: ServerResponse): void {
    const name = pod.metadata?.name;
    if (pod.kind !== 'Pod' || pod.apiVersion !== 'v1' || typeof name !== 'string' || !NAME.test(name)) return status(response, 422, 'Invalid', `Pod "${name}" is invalid: metadata.name: Invalid value`);
    if (pod.spec?.restartPolicy !== 'Never' || !(pod.spec.containers?.length > 0) || pod.spec.containers.some((container: any) => !container.image || !NAME.test(container.name))) return status(response, 422, 'Invalid', `Pod "${name}" is invalid: spec.containers`);
    if (this.#pods.has(name)) return status(response, 409, 'AlreadyExists', `pods "${name}" already exists`);
    const used = this.pods.filter((each) => !['Succeeded', 'Failed'].includes(each.status.phase)).length;
    if (used >= this.quota) return status(response, 403, 'Forbidden', `pods "${name}" is forbidden: exceeded quota: pods, requested: pods=1, used: pods=${used}, limited: pods=${this.quota}`);
    this.created.push(name);
    const made = { ...pod, metadata: { ...pod.metadata, namespace: 'flows', uid: randomUUID(), creationTimestamp: new Date().toISOString() }, status: { phase: 'Pending' } };
    this.#pods.set(name, made);
    this.#publish('ADDED', made);
    json(response, 201, made);
    if (this.imagePullFails) this.#change(made, { phase: 'Pending', containerStatuses: [{ name: pod.spec.containers[0].name, state: { waiting: { reason: 'ImagePullBackOff', message: `Back-off pulling image "${pod.spec.containers[0].image}"` } } }] });
    else setImmediate(() => this.#run(made));
  }

  #run(pod: any): void {
    const [container] = pod.spec.containers;
    const { name } = pod.metadata;
    const env = Object.fromEntries((container.env ?? []).map((each: any) => [each.name, each.valueFrom?.fieldRef?.fieldPath === 'metadata.name' ? name : (each.value ?? '')]));
    const [program, ...before] = container.command as string[];
    const child = spawn(program!, [...before, ...(container.args ?? [])], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#processes.set(name, child);
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => {
      this.#logs.set(name, (this.#logs.get(name) ?? '') + chunk.toString());
      this.#wrote(name, chunk.toString());
    });
    this.#change(pod, { phase: 'Running', containerStatuses: [{ name: container.name, state: { running: { startedAt: new Date().toISOString() } } }] });
    child.once('close', (code, signal) => {
      this.#processes.delete(name);
      for (const follower of this.#followers.values()) if (follower.name === name) follower.tell();
      const exitCode = code ?? 137;
      this.#change(pod, { phase: exitCode === 0 ? 'Succeeded' : 'Failed', containerStatuses: [{ name: container.name, state: { terminated: { exitCode, reason: signal === null ? (exitCode === 0 ? 'Completed' : 'Error') : 'OOMKilled', finishedAt: new Date().toISOString() } } }] });
      if (pod.metadata.deletionTimestamp !== undefined) this.#remove(pod);
    });
  }

  #delete(pod: any, response: ServerResponse): void {
    pod.metadata.deletionTimestamp ??= new Date().toISOString();
    this.#publish('MODIFIED', pod);
    json(response, 200, pod);
    const child = this.#processes.get(pod.metadata.name);
    if (child === undefined) this.#remove(pod);
    else child.kill('SIGTERM');
  }

  #remove(pod: any): void {
    this.#pods.delete(pod.metadata.name);
    this.#publish('DELETED', pod);
  }

  #change(pod: any, next: object): void {
    pod.status = next;
    this.#publish('MODIFIED', pod);
  }

  #publish(type: string, pod: any): void {
    pod.metadata.resourceVersion = String(++this.#version);
    for (const { selector, response } of this.#watchers) if (matches(pod, selector)) response.write(`${JSON.stringify({ type, object: pod })}\n`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#processes.values()) child.kill('SIGKILL');
    await new Promise((resolve) => {
      this.#server.close(resolve);
      this.#server.closeAllConnections();
    });
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function matches(pod: any, selector: string): boolean {
  return selector.split(',').filter((part) => part !== '').every((part) => {
    const [key, value] = part.split('=') as [string, string];
    return pod.metadata.labels?.[key] === value;
  });
}

function json(response: ServerResponse, code: number, body: object): void {
  response.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

function status(response: ServerResponse, code: number, reason: string, message: string): void {
  json(response, code, { kind: 'Status', apiVersion: 'v1', status: 'Failure', code, reason, message });
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  return text;
}
