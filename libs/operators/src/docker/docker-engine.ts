import { request as requestHttp } from 'node:http';
import type { IncomingMessage, RequestOptions } from 'node:http';
import { request as requestHttps } from 'node:https';
import { isIP } from 'node:net';

/** Where an engine listens. */
export interface DockerAddress {
  /** `unix:///var/run/docker.sock`, `tcp://host:2375`, `https://host:2376`. */
  readonly url: string;
  /** For https. PEM. */
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

/** The engine refused. `code` is `DOCKER_<status>`, for retry policies. */
export class DockerError extends Error {
  override readonly name = 'DockerError';
  readonly code: string;
  constructor(readonly status: number, message: string) {
    super(message);
    this.code = `DOCKER_${status}`;
  }
}

/** Every engine since Docker 20.10 speaks it. */
const VERSION = 'v1.41';
const ANSWER_WITHIN_MS = 60_000;

/** Docker's Engine API, as much as a container per task needs. */
export class DockerEngine {
  constructor(private readonly address: DockerAddress) {}

  /** @returns the engine's own version */
  async version(): Promise<string> {
    return (await this.#json<{ Version: string }>('GET', '/version')).Version;
  }

  async hasImage(image: string): Promise<boolean> {
    try {
      await this.#json('GET', `/images/${encodeURIComponent(image).replaceAll('%2F', '/').replaceAll('%3A', ':').replaceAll('%40', '@')}/json`);
      return true;
    } catch (error) {
      if (error instanceof DockerError && error.status === 404) return false;
      throw error;
    }
  }

  /** Pulls an image. @param auth login to its registry @param onStatus what the engine says, as it goes */
  async pull(image: string, auth: { readonly username: string; readonly password: string } | undefined, signal: AbortSignal, onStatus: (text: string) => void): Promise<void> {
    const headers: Record<string, string> = auth === undefined ? {} : { 'x-registry-auth': Buffer.from(JSON.stringify(auth)).toString('base64url') };
    const response = await this.#send('POST', `/images/create?fromImage=${encodeURIComponent(tagged(image))}`, undefined, { headers, signal, silentMs: 600_000 });
    let rest = '';
    for await (const chunk of response.setEncoding('utf8')) {
      const lines = (rest + String(chunk)).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        if (line.trim() === '') continue;
        const said = JSON.parse(line) as { status?: string; id?: string; error?: string };
        // It has answered 200 before it knew.
        if (said.error !== undefined) throw new DockerError(500, `pulling ${image}: ${said.error}`);
        if (said.status !== undefined && said.id === undefined) onStatus(said.status);
      }
    }
  }

  /** @returns its id */
  async create(name: string | undefined, container: object): Promise<string> {
    const { Id } = await this.#json<{ Id: string }>('POST', `/containers/create${name === undefined ? '' : `?name=${encodeURIComponent(name)}`}`, container);
    return Id;
  }

  async start(id: string): Promise<void> {
    await this.#json('POST', `/containers/${id}/start`);
  }

  /** What it writes from its start until it ends, in frames of stdout (1) and stderr (2); with a terminal plain bytes. */
  async logs(id: string): Promise<IncomingMessage> {
    return this.#send('GET', `/containers/${id}/logs?follow=1&stdout=1&stderr=1`, undefined, { silentMs: 0 });
  }

  /** Resolves when the engine listens for the container's next end, so before it is started. @returns its exit code, in time */
  async nextExit(id: string): Promise<{ readonly exitCode: Promise<number> }> {
    const response = await this.#send('POST', `/containers/${id}/wait?condition=next-exit`, undefined, { silentMs: 0 });
    const exitCode = textOf(response).then((text) => {
      const { StatusCode, Error: failure } = JSON.parse(text) as { StatusCode: number; Error?: { Message?: string } | null };
      if (failure?.Message) throw new DockerError(500, failure.Message);
      return StatusCode;
    });
    exitCode.catch(() => undefined); // Whoever awaits it is told.
    return { exitCode };
  }

  async inspect(id: string): Promise<{ readonly State: { readonly OOMKilled?: boolean; readonly Error?: string; readonly ExitCode?: number } }> {
    return this.#json('GET', `/containers/${id}/json`);
  }

  /** SIGTERM, and SIGKILL after the grace. Ended or gone already is as good. */
  async stop(id: string, graceSeconds: number): Promise<void> {
    await this.#gone(() => this.#json('POST', `/containers/${id}/stop?t=${graceSeconds}`, undefined, (graceSeconds + 30) * 1_000));
  }

  /** With its anonymous volumes; kills it when it still runs. */
  async remove(id: string): Promise<void> {
    await this.#gone(() => this.#json('DELETE', `/containers/${id}?force=1&v=1`));
  }

  /** Containers with all of these labels, also ended ones. */
  async withLabels(labels: Readonly<Record<string, string>>): Promise<readonly { readonly Id: string; readonly State: string }[]> {
    const filters = JSON.stringify({ label: Object.entries(labels).map(([name, value]) => `${name}=${value}`) });
    return this.#json('GET', `/containers/json?all=1&filters=${encodeURIComponent(filters)}`);
  }

  async #gone(ask: () => Promise<unknown>): Promise<void> {
    try {
      await ask();
    } catch (error) {
      if (!(error instanceof DockerError && (error.status === 404 || error.status === 304 || error.status === 409))) throw error;
    }
  }

  async #json<Body>(method: string, path: string, body?: object, silentMs?: number): Promise<Body> {
    const text = await textOf(await this.#send(method, path, body, silentMs === undefined ? {} : { silentMs }));
    return (text === '' ? null : JSON.parse(text)) as Body;
  }

  /** @param silentMs give up when nothing comes for so long; 0: never */
  async #send(method: string, path: string, body: object | undefined, { headers = {}, signal, silentMs = ANSWER_WITHIN_MS }: { readonly headers?: Readonly<Record<string, string>>; readonly signal?: AbortSignal; readonly silentMs?: number }): Promise<IncomingMessage> {
    const text = body === undefined ? undefined : JSON.stringify(body);
    const target = this.#target();
    const options: RequestOptions = {
      ...target.options, method, path: `/${VERSION}${path}`,
      headers: { ...headers, ...(text === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }) },
      ...(signal === undefined ? {} : { signal }), ...(silentMs === 0 ? {} : { timeout: silentMs }),
    };
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const request = (target.secure ? requestHttps : requestHttp)(options, resolve);
      request.once('timeout', () => request.destroy(new Error(`no answer within ${silentMs / 1_000} s`)));
      request.once('error', (error) => reject(signal?.aborted === true ? error : new Error(`the Docker engine at ${this.address.url} cannot be reached: ${error.message}`, { cause: error })));
      request.end(text);
    });
    const status = response.statusCode ?? 0;
    if (status >= 200 && status < 300) return response;
    throw new DockerError(status, `Docker: ${messageIn(await textOf(response))} (${status})`);
  }

  #target(): { readonly secure: boolean; readonly options: RequestOptions } {
    const { url, ca, cert, key } = this.address;
    if (url.startsWith('unix://')) return { secure: false, options: { socketPath: url.slice('unix://'.length) } };
    const { protocol, hostname, port } = new URL(url.replace(/^tcp:/, cert === undefined ? 'http:' : 'https:'));
    const secure = protocol === 'https:';
    const host = isIP(hostname.replace(/^\[|\]$/g, '')) === 6 ? hostname.replace(/^\[|\]$/g, '') : hostname;
    return { secure, options: { host, port: port === '' ? (secure ? 2_376 : 2_375) : Number(port), ...(secure ? { ca, cert, key } : {}) } };
  }
}

/** Without a tag the engine would pull every tag there is. */
function tagged(image: string): string {
  return image.includes('@') || /:[^/]+$/.test(image) ? image : `${image}:latest`;
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
