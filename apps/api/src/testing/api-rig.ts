import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DagDocumentInput } from '@millrace/contracts';
import { loadConfiguration } from '@millrace/configuration';
import type { Configuration } from '@millrace/configuration';
import { InProcessLiveUpdates } from '@millrace/live-updates';
import { InProcessBroker } from '@millrace/messaging';
import { migratedDatabase } from '@millrace/persistence/testing';
import type { MigratedDatabase } from '@millrace/persistence/testing';
import { Publication } from '@millrace/scheduling';
import type { PublishResult } from '@millrace/scheduling';
import type { Logger } from '@millrace/telemetry';
import { OpenApiAnswers } from '@millrace/test-services';
import { createApi } from '../index.js';
import type { ApiService } from '../index.js';

export const PASSWORD = 'correct horse battery staple';
export const INTERNAL_TOKEN = 'an internal token for specs, long enough';

export interface Answer {
  readonly status: number;
  readonly body: any;
  readonly headers: Headers;
}

export interface CallOptions {
  readonly token?: string | null;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A whole api over HTTP, with a database of its own and an in-process broker. For specs. */
export class ApiRig {
  #token: string | null = null;

  private constructor(
    readonly migrated: MigratedDatabase,
    readonly api: ApiService,
    readonly broker: InProcessBroker,
    readonly publication: Publication,
    readonly logsFolder: string,
    readonly logged: string[],
    readonly liveUpdates: InProcessLiveUpdates,
  ) {}

  static async open(more: Partial<Configuration> = {}): Promise<ApiRig> {
    const migrated = await migratedDatabase();
    const logsFolder = await mkdtemp(join(tmpdir(), 'millrace-api-'));
    const broker = new InProcessBroker();
    await broker.start();
    const liveUpdates = new InProcessLiveUpdates();
    await liveUpdates.start();
    const logged: string[] = [];
    const api = createApi({ config: apiConfiguration(migrated.url, logsFolder, more), broker, liveUpdates, logger: listeningLogger(logged) });
    await api.start();
    const publication = new Publication(migrated.database, broker, { pausedAtCreation: false });
    return new ApiRig(migrated, api, broker, publication, logsFolder, logged, liveUpdates);
  }

  get url(): string {
    return `http://127.0.0.1:${this.api.httpPort}`;
  }

  async login(username = 'admin', password = PASSWORD): Promise<string> {
    const { status, body } = await this.call('POST', '/auth/token', { token: null, body: { username, password } });
    if (status !== 201) throw new Error(`login: ${status} ${JSON.stringify(body)}`);
    return body.access_token as string;
  }

  async call(method: string, path: string, options: CallOptions = {}): Promise<Answer> {
    const token = options.token === undefined ? (this.#token ??= await this.login()) : options.token;
    const response = await fetch(this.url + path, {
      method,
      headers: {
        ...(token === null ? {} : { authorization: `Bearer ${token}` }),
        ...(options.body === undefined ? {} : { 'content-type': 'application/json' }),
        ...options.headers,
      },
      ...(options.body === undefined ? {} : { body: typeof options.body === 'string' ? options.body : JSON.stringify(options.body) }),
    });
    const text = await response.text();
    const contentType = response.headers.get('content-type') ?? '';
    const body: unknown = contentType.includes('application/json') && text !== '' ? JSON.parse(text) : text;
    const problems = (await this.#promised()).problemsOf({ method, path, status: response.status, contentType, body });
    if (problems.length > 0) throw new Error(`not what /openapi.json promises:\n${problems.join('\n')}\n${text.slice(0, 2_000)}`);
    return { status: response.status, body, headers: response.headers };
  }

  /** Every answer of every spec is compared with the served document, which is the same for all. */
  async #promised(): Promise<OpenApiAnswers> {
    return (promised ??= fetch(`${this.url}/openapi.json`).then(async (response) => new OpenApiAnswers((await response.json()) as ConstructorParameters<typeof OpenApiAnswers>[0])));
  }

  get(path: string, options: CallOptions = {}): Promise<Answer> {
    return this.call('GET', path, options);
  }

  /** Publishes these documents as one file. */
  async publish(relativeFileloc: string, documents: readonly (DagDocumentInput | string)[], more: { readonly code?: string; readonly bundleName?: string } = {}): Promise<PublishResult> {
    const bundle = Buffer.from(more.code ?? `// ${relativeFileloc}`);
    return this.publication.publishFile({
      bundleName: more.bundleName ?? 'dags',
      relativeFileloc,
      fileloc: `/dags/${relativeFileloc}`,
      bundleHash: createHash('sha256').update(bundle).digest('hex'),
      bundle,
      source: more.code ?? `// ${relativeFileloc}`,
      dagDocuments: documents.map((document) => (typeof document === 'string' ? document : JSON.stringify(document))),
      importError: null,
      parseDurationMs: 26,
    });
  }

  async sql<Row extends Record<string, unknown>>(text: string, values: unknown[] = []): Promise<Row[]> {
    return (await this.migrated.database.pool.query<Row>(text, values)).rows;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.api.stop();
    await this.liveUpdates.stop();
    await this.broker.stop();
    await this.migrated[Symbol.asyncDispose]();
    await rm(this.logsFolder, { recursive: true, force: true });
  }
}

let promised: Promise<OpenApiAnswers> | null = null;

/** Configuration of an api on free ports. */
export function apiConfiguration(databaseUrl: string, home: string, more: Partial<Configuration> = {}): Configuration {
  return loadConfiguration({
    env: {},
    overrides: {
      'core.home': home, 'logs.folder': home, 'database.url': databaseUrl, 'api.port': 0, 'api.grpc_port': 0, 'security.internal_token': INTERNAL_TOKEN,
      'security.admin_password': PASSWORD, 'log_server.urls': [], ...more,
    },
  });
}

/** Keeps what is logged, one text each. */
export function listeningLogger(into: string[]): Logger {
  const write = (level: string) => (message: string, fields?: object) => {
    const error = (fields as { error?: unknown } | undefined)?.error;
    into.push(`${level} ${message} ${error instanceof Error ? error.stack : JSON.stringify(fields ?? {})}`);
  };
  const logger: Logger = { debug() {}, info: write('info'), warn: write('warn'), error: write('error'), child: () => logger };
  return logger;
}
