import { Server, status } from '@grpc/grpc-js';
import type { Metadata } from '@grpc/grpc-js';
import { bearerOf, isInternalToken } from '@millrace/access';
import { executionProto } from '@millrace/contracts';
import { ManagedService, pause, serverCredentials } from '@millrace/lifecycle';
import type { TlsFiles } from '@millrace/lifecycle';
import type { BundleReader } from '@millrace/persistence';
import { MESSAGE_MAX_BYTES, MillraceError } from '@millrace/vocabulary';
import { sendBundle } from './bundle-stream.js';
import { WorkerStream } from './worker-stream.js';
import type { StreamParts } from './worker-stream.js';

/** Answers that take longer, e.g. because the database is away, are not waited for: workers ask again elsewhere. */
const DRAIN_PATIENCE_MS = 3_000;

export interface ExecutionServerOptions {
  readonly host: string;
  readonly port: number;
  readonly internalToken: string;
  /** null: in the clear. With an authority only workers with a certificate of it are answered. */
  readonly tls: TlsFiles | null;
}

/** The gRPC service workers speak to. */
export class ExecutionServer extends ManagedService {
  readonly name = 'execution-grpc';
  #server: Server | undefined;
  #port = 0;
  readonly #streams = new Set<WorkerStream>();

  constructor(
    private readonly options: ExecutionServerOptions,
    private readonly bundles: BundleReader,
    private readonly parts: () => StreamParts,
  ) {
    super();
  }

  /** The port listened on; 0 while stopped. */
  get port(): number {
    return this.#port;
  }

  protected async open(): Promise<void> {
    const server = new Server({
      'grpc.max_receive_message_length': MESSAGE_MAX_BYTES * 4,
      'grpc.max_send_message_length': MESSAGE_MAX_BYTES * 4,
      'grpc.keepalive_time_ms': 5_000,
      'grpc.keepalive_timeout_ms': 5_000,
      'grpc.http2.min_ping_interval_without_data_ms': 1_000,
    });
    server.addService(executionProto.ExecutionServiceService, {
      session: (call) => {
        if (!this.#authorised(call.metadata)) {
          call.emit('error', { code: status.UNAUTHENTICATED, details: 'the internal token is missing or wrong' });
          return;
        }
        const stream = new WorkerStream(call, this.parts());
        this.#streams.add(stream);
        for (const event of ['end', 'cancelled', 'error'] as const) call.once(event, () => this.#streams.delete(stream));
        stream.run();
      },
      getBundle: (call) => {
        if (!this.#authorised(call.metadata)) {
          call.emit('error', { code: status.UNAUTHENTICATED, details: 'the internal token is missing or wrong' });
          return;
        }
        sendBundle(call, this.bundles).catch((error: unknown) => call.emit('error', { code: status.UNAVAILABLE, details: error instanceof Error ? error.message : String(error) }));
      },
    } satisfies executionProto.ExecutionServiceServer);
    const { host, port } = this.options;
    this.#port = await new Promise<number>((resolve, reject) => {
      server.bindAsync(`${host}:${port}`, serverCredentials(this.options.tls, true), (error, bound) => {
        if (error === null) resolve(bound);
        else reject(new MillraceError('conflict', `can't listen on ${host}:${port} (scheduler.grpc_port): ${error.message}; choose another port, or 0 for a free one`));
      });
    });
    this.#server = server;
  }

  #authorised(metadata: Metadata): boolean {
    return isInternalToken(bearerOf(String(metadata.get('authorization')[0] ?? '')) ?? '', this.options.internalToken);
  }

  protected async close(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    this.#port = 0;
    if (server === undefined) return;
    const flushed = Promise.all([...this.#streams].map((stream) => stream.drain())).then(() => new Promise<void>((resolve) => server.tryShutdown(() => resolve())));
    const patience = new AbortController();
    await Promise.race([flushed, pause(DRAIN_PATIENCE_MS, patience.signal)]);
    patience.abort();
    for (const stream of this.#streams) stream.close();
    this.#streams.clear();
    server.forceShutdown();
  }
}
