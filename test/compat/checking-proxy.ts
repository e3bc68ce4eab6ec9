import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { OpenApiAnswers } from '@millrace/test-services';

/** Between a client and an api: hands everything on as it is, and compares every answer with the document the api serves. */
export class CheckingProxy {
  /** Where an answer was not what the document promises, with the beginning of that answer. */
  readonly problems = new Set<string>();

  private constructor(
    readonly url: string,
    readonly answers: OpenApiAnswers,
    private readonly close: () => Promise<void>,
  ) {}

  static async before(api: string): Promise<CheckingProxy> {
    const answers = new OpenApiAnswers((await (await fetch(`${api}/openapi.json`)).json()) as ConstructorParameters<typeof OpenApiAnswers>[0]);
    const server = createServer((incoming, outgoing) => {
      const onward = request(new URL(incoming.url!, api), { method: incoming.method, headers: { ...incoming.headers, 'accept-encoding': 'identity' } }, (answer) => {
        const chunks: Buffer[] = [];
        outgoing.writeHead(answer.statusCode!, answer.headers);
        answer.on('data', (chunk: Buffer) => {
          chunks.push(chunk);
          outgoing.write(chunk);
        });
        answer.once('end', () => {
          proxy.#look(incoming.method!, incoming.url!, answer.statusCode!, answer.headers['content-type'] ?? '', Buffer.concat(chunks).toString());
          outgoing.end();
        });
        answer.once('error', () => outgoing.destroy());
      });
      onward.once('error', () => outgoing.destroy());
      outgoing.once('close', () => onward.destroy());
      incoming.pipe(onward);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const proxy = new CheckingProxy(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, answers, () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    });
    return proxy;
  }

  #look(method: string, path: string, status: number, contentType: string, text: string): void {
    let body: unknown = text;
    if (contentType.startsWith('application/json') && text !== '') body = JSON.parse(text);
    for (const problem of this.answers.problemsOf({ method, path, status, contentType, body })) this.problems.add(`${problem}: ${text.slice(0, 300)}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
