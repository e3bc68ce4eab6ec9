import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

interface Container {
  readonly id: string;
  readonly spec: any;
  state: 'created' | 'running' | 'exited';
  exitCode: number;
  process: ChildProcess | null;
  /** Frames as they were written, for whoever asks later. */
  readonly frames: Buffer[];
  readonly followers: Set<ServerResponse>;
  readonly waiters: Set<ServerResponse>;
}

/**
 * Docker's Engine API on a unix socket, as the real one speaks it: 201 and 204 and 304, errors as `{ message }`, pull progress as JSON lines with errors after a 200, logs in frames
 * that are cut anywhere, `wait` whose head comes before its body. A container is a process of this machine.
 */
export class StandInEngine implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'millrace-docker-'));
  readonly url = `unix://${join(this.folder, 'docker.sock')}`;
  readonly images = new Set(['present:1']);
  readonly pulled: { image: string; auth: string | undefined }[] = [];
  readonly containers = new Map<string, Container>();
  readonly removed: string[] = [];
  readonly #server = createServer((request, response) => void this.#answer(request, response).catch((error: unknown) => send(response, 500, { message: String(error) })));

  static async start(): Promise<StandInEngine> {
    const engine = new StandInEngine();
    await new Promise<void>((resolve) => engine.#server.listen(join(engine.folder, 'docker.sock'), resolve));
    return engine;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '', 'http://docker');
    const path = /^\/v1\.\d+(\/.*)$/.exec(url.pathname)?.[1] ?? url.pathname;
    const route = `${request.method} ${path}`;
    if (route === 'GET /version') return send(response, 200, { Version: '25.0.0-stand-in', ApiVersion: '1.44' });
    const image = /^GET \/images\/(.+)\/json$/.exec(route)?.[1];
    if (image !== undefined) return this.images.has(decodeURIComponent(image)) ? send(response, 200, { Id: 'sha256:1' }) : send(response, 404, { message: `No such image: ${image}` });
    if (route === 'POST /images/create') return this.#pull(url.searchParams.get('fromImage') ?? '', request, response);
    if (route === 'GET /containers/json') {
      const { label } = JSON.parse(url.searchParams.get('filters') ?? '{}') as { label: string[] };
      const found = [...this.containers.values()].filter(({ spec }) => label.every((one) => spec.Labels?.[one.slice(0, one.indexOf('='))] === one.slice(one.indexOf('=') + 1)));
      return send(response, 200, found.map(({ id, state }) => ({ Id: id, State: state })));
    }
    if (route === 'POST /containers/create') return this.#create(url.searchParams.get('name'), JSON.parse(await textOf(request)), response);
    const [, id = '', verb = ''] = /^\/containers\/([^/]+)\/?(.*)$/.exec(path) ?? [];
    const container = this.containers.get(id);
    if (container === undefined) return send(response, 404, { message: `No such container: ${id}` });
    if (request.method === 'DELETE') {
      container.process?.kill('SIGKILL');
      this.containers.delete(id);
      this.removed.push(id);
      return void response.writeHead(204).end();
    }
    switch (verb) {
      case 'start':
        if (container.state === 'running') return void response.writeHead(304).end();
        this.#run(container);
        return void response.writeHead(204).end();
      case 'wait':
        response.writeHead(200, { 'content-type': 'application/json' }).flushHeaders();
        if (url.searchParams.get('condition') !== 'next-exit' && container.state !== 'running') return void response.end(JSON.stringify({ StatusCode: container.exitCode }));
        container.waiters.add(response);
        return;
      case 'logs':
        response.writeHead(200, { 'content-type': 'application/vnd.docker.multiplexed-stream' }).flushHeaders();
        for (const frame of container.frames) response.write(frame);
        if (container.state === 'exited') return void response.end();
        container.followers.add(response);
        return;
      case 'stop':
        if (container.state !== 'running') return void response.writeHead(304).end();
        container.process?.once('close', () => response.writeHead(204).end());
        container.process?.kill('SIGTERM');
        return;
      case 'json':
        return send(response, 200, { Id: id, State: { Status: container.state, ExitCode: container.exitCode, OOMKilled: container.exitCode === 137 && container.spec.HostConfig.Memory !== undefined } });
      default:
        return send(response, 404, { message: 'page not found' });
    }
  }

  #pull(image: string, request: IncomingMessage, response: ServerResponse): void {
    const auth = request.headers['x-registry-auth'];
    this.pulled.push({ image, auth: auth === undefined ? undefined : Buffer.from(String(auth), 'base64url').toString() });
    response.writeHead(200, { 'content-type': 'application/json' });
    response.write('{"status":"Pulling from library/x"}\r\n{"status":"Downloading","id":"a1","prog');
    if (image.startsWith('missing')) return void response.end('ress":"[=>]"}\r\n{"errorDetail":{"message":"manifest unknown"},"error":"manifest unknown"}\r\n');
    this.images.add(image);
    response.end('ress":"[=>]"}\r\n{"status":"Status: Downloaded newer image"}\r\n');
  }

  #create(name: string | null, spec: any, response: ServerResponse): void {
    if (!this.images.has(spec.Image)) return send(response, 404, { message: `No such image: ${spec.Image}` });
    if (name !== null && [...this.containers.values()].some((one) => one.spec.name === name)) return send(response, 409, { message: `Conflict. The container name "/${name}" is already in use` });
    const id = randomBytes(32).toString('hex');
    this.containers.set(id, { id, spec: { ...spec, name }, state: 'created', exitCode: 0, process: null, frames: [], followers: new Set(), waiters: new Set() });
    send(response, 201, { Id: id, Warnings: [] });
  }

  #run(container: Container): void {
    const [program = '', ...args] = [...(container.spec.Entrypoint ?? []), ...container.spec.Cmd] as string[];
    const env = Object.fromEntries((container.spec.Env as string[]).map((one) => [one.slice(0, one.indexOf('=')), one.slice(one.indexOf('=') + 1)]));
    const child = spawn(program, args, { env: { PATH: process.env['PATH'], ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    container.process = child;
    container.state = 'running';
    for (const [stream, readable] of [[1, child.stdout], [2, child.stderr]] as const) {
      readable.on('data', (content: Buffer) => {
        const head = Buffer.alloc(8);
        head[0] = stream;
        head.writeUInt32BE(content.length, 4);
        const frame = Buffer.concat([head, content]);
        container.frames.push(frame);
        // Cut in the middle of the head: a network does that.
        for (const follower of container.followers) {
          follower.write(frame.subarray(0, 5));
          follower.write(frame.subarray(5));
        }
      });
    }
    child.once('close', (code, signal) => {
      container.state = 'exited';
      container.exitCode = code ?? (signal === 'SIGKILL' ? 137 : 143);
      for (const follower of container.followers) follower.end();
      for (const waiter of container.waiters) waiter.end(JSON.stringify({ StatusCode: container.exitCode, Error: null }));
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { process: child } of this.containers.values()) child?.kill('SIGKILL');
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function send(response: ServerResponse, status: number, value: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  return text;
}
