import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Job {
  readonly id: string;
  readonly kind: string;
  readonly idempotencyKey: string;
  readonly callbackUrl: string;
  looks: number;
  cancelled: number;
}

/** A platform that does work for others: starts it once for an idempotency key, and tells how it stands when a spec says so. */
export class Platform {
  readonly jobs: Job[] = [];
  /** Requests to start work, also repeated ones. */
  readonly asked: string[] = [];
  /** Takes the request, and does not answer while this is true. */
  holdsAnswers = false;
  /** Answers this to who asks it to stop. */
  cancelStatus = 200;
  readonly #server: Server;
  readonly #held: ServerResponse[] = [];

  private constructor() {
    this.#server = createServer((request, response) => void this.#answer(request, response));
  }

  static async start(): Promise<Platform> {
    const platform = new Platform();
    await new Promise<void>((resolve) => platform.#server.listen(0, '127.0.0.1', resolve));
    return platform;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  ofKind(kind: string): Job[] {
    return this.jobs.filter((job) => job.kind === kind);
  }

  /** Reports on a job, as the platform; gives what it was answered. */
  async report(job: Job, body: unknown): Promise<{ status: number; body: Record<string, unknown> }> {
    const response = await fetch(job.callbackUrl, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const say = (status: number, body: unknown): void => void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    let text = '';
    for await (const chunk of request) text += String(chunk);
    const [, , id, verb] = (request.url ?? '').split('/');
    const job = this.jobs.find((one) => one.id === id);
    if (request.method === 'POST' && id === undefined) {
      const body = JSON.parse(text) as { kind: string; callback_url: string; idempotency_key: string };
      this.asked.push(body.idempotency_key);
      let made = this.jobs.find((one) => one.idempotencyKey === body.idempotency_key);
      if (made === undefined) {
        made = { id: `job-${this.jobs.length + 1}`, kind: body.kind, idempotencyKey: body.idempotency_key, callbackUrl: body.callback_url, looks: 0, cancelled: 0 };
        this.jobs.push(made);
      }
      if (this.holdsAnswers) return void this.#held.push(response);
      return say(202, { id: made.id });
    }
    if (job === undefined) return say(404, { error: 'no such job' });
    if (verb === 'cancel') {
      job.cancelled++;
      return say(this.cancelStatus, {});
    }
    job.looks++;
    return say(200, job.looks < 3 ? { status: 'running', progress: { looks: job.looks } } : { status: 'succeeded', result: { rows: 7 } });
  }
}
