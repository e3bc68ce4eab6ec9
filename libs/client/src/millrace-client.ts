import { Metadata, credentials } from '@grpc/grpc-js';
import type { ChannelCredentials, ClientReadableStream, ServiceError } from '@grpc/grpc-js';
import { workflowsProto } from '@millrace/contracts';
import type { Run, TaskInstance, WatchRunResponse } from './messages.js';

export interface ClientOptions {
  /** `host:port` of the api's gRPC (api.grpc_port). */
  readonly address: string;
  /** A token of `POST /auth/token`, or what gives one; asked before each call, so it may renew itself. */
  readonly token: string | (() => string | Promise<string>);
  /** @default plain text, for a private network */
  readonly credentials?: ChannelCredentials;
}

export interface CallOptions {
  readonly signal?: AbortSignal;
  /** Milliseconds until the call is given up. @default 30 s; streams: none */
  readonly timeoutMs?: number;
}

export interface TriggerOptions {
  readonly runId?: string;
  readonly logicalDate?: Date;
  readonly conf?: Readonly<Record<string, unknown>>;
  readonly note?: string;
  readonly partitionKey?: string;
  readonly runAfter?: Date;
}

const TIMEOUT_MS = 30_000;

type Unary<Request, Response> = (request: Request, metadata: Metadata, options: { deadline?: number }, callback: (error: ServiceError | null, response: Response) => void) => { cancel(): void };

/**
 * Millrace for programs, over gRPC. Rejects with gRPC's own errors (`code`, `details`).
 * @example
 * using millrace = new MillraceClient({ address: 'millrace-api:50052', token });
 * const run = await millrace.triggerRun('etl', { conf: { day: '2026-11-23' } });
 * for await (const { run: now } of millrace.watchRun(run.dagId, run.runId)) console.log(now?.state);
 */
export class MillraceClient implements Disposable {
  readonly #client: workflowsProto.WorkflowServiceClient;

  constructor(private readonly options: ClientOptions) {
    this.#client = new workflowsProto.WorkflowServiceClient(options.address, options.credentials ?? credentials.createInsecure());
  }

  /** The run is committed when this resolves. The same `runId` twice is refused, so a call of unknown outcome may be made again with one. */
  triggerRun(dagId: string, run: TriggerOptions = {}, options?: CallOptions): Promise<Run> {
    const { conf, ...rest } = run;
    return this.#call(this.#client.triggerRun, workflowsProto.TriggerRunRequest.fromPartial({ dagId, ...rest, ...(conf === undefined ? {} : { conf: { ...conf } }) }), options);
  }

  getRun(dagId: string, runId: string, options?: CallOptions): Promise<Run> {
    return this.#call(this.#client.getRun, { dagId, runId }, options);
  }

  /** Newest first, page after page. */
  async *listRuns(filter: { readonly dagId?: string; readonly states?: readonly string[]; readonly pageSize?: number } = {}, options?: CallOptions): AsyncGenerator<Run, void, undefined> {
    for (let pageToken = ''; ; ) {
      const page: workflowsProto.ListRunsResponse = await this.#call(this.#client.listRuns, { dagId: filter.dagId ?? '', states: [...(filter.states ?? [])], pageSize: filter.pageSize ?? 0, pageToken }, options);
      yield* page.runs;
      pageToken = page.nextPageToken;
      if (pageToken === '') return;
    }
  }

  cancelRun(dagId: string, runId: string, options?: CallOptions): Promise<Run> {
    return this.#call(this.#client.cancelRun, { dagId, runId }, options);
  }

  async *listTaskInstances(dagId: string, runId: string, options?: CallOptions): AsyncGenerator<TaskInstance, void, undefined> {
    for (let pageToken = ''; ; ) {
      const page: workflowsProto.ListTaskInstancesResponse = await this.#call(this.#client.listTaskInstances, { dagId, runId, pageSize: 0, pageToken }, options);
      yield* page.taskInstances;
      pageToken = page.nextPageToken;
      if (pageToken === '') return;
    }
  }

  /** The run as it is, and each change of it until it has ended. Leaving the loop ends the call. */
  watchRun(dagId: string, runId: string, watch: { readonly taskInstances?: boolean } = {}, options?: CallOptions): AsyncGenerator<WatchRunResponse, void, undefined> {
    return this.#stream((metadata, more) => this.#client.watchRun({ dagId, runId, taskInstances: watch.taskInstances ?? false }, metadata, more), options);
  }

  /** Resolves with the run when it has ended. */
  async runEnded(dagId: string, runId: string, options?: CallOptions): Promise<Run> {
    let last: Run | undefined;
    for await (const { run } of this.watchRun(dagId, runId, {}, options)) last = run ?? last;
    return last ?? this.getRun(dagId, runId, options);
  }

  /** Bytes of a try's log; with `follow` until the try has ended. */
  async *followLog(log: { readonly dagId: string; readonly runId: string; readonly taskId: string; readonly tryNumber: number; readonly mapIndex?: number; readonly offset?: number; readonly follow?: boolean }, options?: CallOptions): AsyncGenerator<Uint8Array, void, undefined> {
    const request = { mapIndex: -1, offset: 0, follow: true, ...log };
    for await (const { chunk } of this.#stream((metadata, more) => this.#client.followLog(request, metadata, more), options)) yield chunk;
  }

  close(): void {
    this.#client.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async #metadata(): Promise<Metadata> {
    const { token } = this.options;
    const metadata = new Metadata();
    metadata.set('authorization', `Bearer ${typeof token === 'string' ? token : await token()}`);
    return metadata;
  }

  async #call<Request, Response>(method: Function, request: Request, { signal, timeoutMs = TIMEOUT_MS }: CallOptions = {}): Promise<Response> {
    const metadata = await this.#metadata();
    signal?.throwIfAborted();
    return new Promise((resolve, reject) => {
      const call = (method as Unary<Request, Response>).call(this.#client, request, metadata, { deadline: Date.now() + timeoutMs }, (error, response) => {
        signal?.removeEventListener('abort', stop);
        if (error === null) resolve(response);
        else reject(error);
      });
      const stop = (): void => call.cancel();
      signal?.addEventListener('abort', stop, { once: true });
    });
  }

  async *#stream<Message>(open: (metadata: Metadata, options: { deadline?: number }) => ClientReadableStream<Message>, { signal, timeoutMs }: CallOptions = {}): AsyncGenerator<Message, void, undefined> {
    const metadata = await this.#metadata();
    signal?.throwIfAborted();
    const stream = open(metadata, timeoutMs === undefined ? {} : { deadline: Date.now() + timeoutMs });
    const stop = (): void => stream.cancel();
    signal?.addEventListener('abort', stop, { once: true });
    try {
      for await (const message of stream) yield message as Message;
    } finally {
      signal?.removeEventListener('abort', stop);
      // What a cancelled stream still says has no reader.
      stream.on('error', () => {});
      stream.cancel();
    }
  }
}
