import { createHash } from 'node:crypto';
import { Server, ServerCredentials, status, type ServerDuplexStream } from '@grpc/grpc-js';
import { executionProto } from '@millrace/contracts';
import { TEST_TOKEN } from './test-token.js';

type Request = executionProto.SessionRequest;
type Response = executionProto.SessionResponse;
type Body = NonNullable<Response['body']>;
type Stream = ServerDuplexStream<Request, Response>;
type Completion = executionProto.Completion;
type Grant = executionProto.Grant;

/** Waits for what a spec expects to arrive. */
export class Arrivals<Item> {
  readonly all: Item[] = [];
  private waiters: (() => void)[] = [];

  add(item: Item): void {
    this.all.push(item);
    const waiters = this.waiters;
    this.waiters = [];
    for (const wake of waiters) wake();
  }

  async find(wanted: (item: Item) => boolean): Promise<Item> {
    for (let seen = 0; ; ) {
      for (; seen < this.all.length; seen++) if (wanted(this.all[seen] as Item)) return this.all[seen] as Item;
      await new Promise<void>((resolve) => this.waiters.push(resolve));
    }
  }

  async count(count: number): Promise<readonly Item[]> {
    while (this.all.length < count) await new Promise<void>((resolve) => this.waiters.push(resolve));
    return this.all;
  }
}

/** The scheduler's side of the execution protocol, with no engine behind it: specs say what it answers. */
export class FakeScheduler {
  readonly hellos = new Arrivals<executionProto.Hello>();
  readonly beats = new Arrivals<executionProto.Beat>();
  readonly claims = new Arrivals<executionProto.ClaimItem>();
  readonly completions = new Arrivals<Completion>();
  readonly callbacksTaken = new Arrivals<executionProto.CallbackTaken>();
  readonly callbackReports = new Arrivals<executionProto.CallbackReport>();
  answersReports = true;
  readonly streams = new Set<Stream>();
  /** Streams that workers ended themselves, with the last heartbeat before. */
  readonly leaves = new Arrivals<executionProto.Beat | undefined>();
  /** What an attempt is granted with; an attempt that is not here is refused. */
  readonly grants = new Map<string, Grant>();
  readonly bundles = new Map<string, Buffer>();
  bundleFetches = 0;
  beatEveryMs = 200;
  answersBeats = true;
  /** Told with each answer to a heartbeat; empty: nobody wants the worker to drain. */
  drainAskedBy = '';
  /** What to say to a claim instead of granting it; undefined grants. */
  onClaim: (item: executionProto.ClaimItem) => 'later' | 'refused' | 'silence' | undefined = () => undefined;
  onComplete: (completion: Completion) => { readonly result?: string; readonly next?: readonly Grant[]; readonly silence?: boolean } = () => ({});
  onQuery: (query: executionProto.Query) => Partial<executionProto.QueryReply> = () => ({ found: false });
  /** Told to workers as the other schedulers. */
  others: executionProto.SchedulerAddress[] = [];
  private server: Server | undefined;
  private port = 0;

  constructor(readonly schedulerId = 'scheduler-1') {}

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** Listens; again on the same port after a stop. */
  async start(): Promise<this> {
    const server = new Server({ 'grpc.max_receive_message_length': 8 * 1_048_576 });
    server.addService(executionProto.ExecutionServiceService, {
      session: (stream: Stream) => this.session(stream),
      getBundle: (call: Parameters<executionProto.ExecutionServiceServer['getBundle']>[0]) => {
        this.bundleFetches++;
        const bytes = this.bundles.get(call.request.bundleHash);
        if (bytes === undefined) return void call.emit('error', Object.assign(new Error('no such bundle'), { code: status.NOT_FOUND }));
        for (let at = 0; at < bytes.length; at += 65_536) call.write({ chunk: bytes.subarray(at, at + 65_536) });
        call.end();
      },
    } as unknown as executionProto.ExecutionServiceServer);
    this.port = await new Promise<number>((resolve, reject) => server.bindAsync(`127.0.0.1:${this.port}`, ServerCredentials.createInsecure(), (error, port) => (error ? reject(error) : resolve(port))));
    this.server = server;
    return this;
  }

  stop(): void {
    this.server?.forceShutdown();
    this.server = undefined;
    this.streams.clear();
  }

  /** Breaks every stream, as a network does. */
  cut(): void {
    for (const stream of this.streams) stream.emit('error', Object.assign(new Error('cut'), { code: status.UNAVAILABLE }));
    this.streams.clear();
  }

  send(body: Body): void {
    for (const stream of this.streams) stream.write({ body });
  }

  /** Stores a bundle; gives its hash. */
  addBundle(source: string): string {
    const bytes = Buffer.from(source);
    const hash = createHash('sha256').update(bytes).digest('hex');
    this.bundles.set(hash, bytes);
    return hash;
  }

  private session(stream: Stream): void {
    if (stream.metadata.get('authorization')[0] !== `Bearer ${TEST_TOKEN}`) return void stream.emit('error', Object.assign(new Error('no valid token'), { code: status.UNAUTHENTICATED }));
    stream.on('data', (request: Request) => this.answer(stream, request.body));
    stream.on('error', () => this.streams.delete(stream));
    stream.on('end', () => {
      this.streams.delete(stream);
      this.leaves.add(this.beats.all.at(-1));
      stream.end();
    });
  }

  private answer(stream: Stream, body: Request['body']): void {
    const reply = (answer: Body): boolean => stream.write({ body: answer });
    switch (body?.$case) {
      case 'hello':
        this.streams.add(stream);
        this.hellos.add(body.value);
        reply({ $case: 'welcome', value: { leaseTtlMs: 15_000, beatEveryMs: this.beatEveryMs, schedulerId: this.schedulerId, schedulers: this.others } });
        return;
      case 'beat':
        this.beats.add(body.value);
        if (this.answersBeats) reply({ $case: 'beat', value: { cancelAttemptIds: [], schedulers: this.others, leftRuns: [], drainAskedBy: this.drainAskedBy } });
        return;
      case 'claim':
        return this.answerClaim(body.value, reply);
      case 'complete':
        return this.answerComplete(body.value, reply);
      case 'query':
        reply({ $case: 'query', value: { requestId: body.value.requestId, found: true, json: '', xcoms: [], error: '', total: 0, version: 0, conflict: false, ...this.onQuery(body.value) } });
        return;
      case 'callbackTaken':
        this.callbacksTaken.add(body.value);
        return;
      case 'callbackReport':
        this.callbackReports.add(body.value);
        if (this.answersReports) reply({ $case: 'callbackAck', value: { callbackId: body.value.callbackId, token: body.value.token } });
        return;
      case undefined:
        return;
      default:
        body satisfies never;
    }
  }

  private answerClaim(request: executionProto.ClaimRequest, reply: (answer: Body) => boolean): void {
    const answer: executionProto.ClaimReply = { requestId: request.requestId, grants: [], refused: [], later: [] };
    let silent = false;
    for (const item of request.items) {
      this.claims.add(item);
      const said = this.onClaim(item);
      const grant = this.grants.get(item.attemptId);
      if (said === 'silence') silent = true;
      else if (said === 'later') answer.later.push(item.attemptId);
      else if (said === 'refused' || grant === undefined) answer.refused.push(item.attemptId);
      else answer.grants.push({ ...grant, claimToken: item.claimToken });
    }
    if (!silent) reply({ $case: 'claim', value: answer });
  }

  private answerComplete(request: executionProto.CompleteRequest, reply: (answer: Body) => boolean): void {
    const answer: executionProto.CompleteReply = { requestId: request.requestId, acks: [], next: [] };
    let silent = false;
    for (const item of request.items) {
      const said = this.onComplete(item);
      this.completions.add(item);
      if (said.silence === true) silent = true;
      answer.acks.push({ attemptId: item.attemptId, result: said.result ?? 'accepted', reason: '' });
      answer.next.push(...(said.next ?? []));
    }
    if (!silent) reply({ $case: 'complete', value: answer });
  }
}
