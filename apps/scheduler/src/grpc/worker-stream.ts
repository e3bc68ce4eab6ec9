import type { ServerDuplexStream } from '@grpc/grpc-js';
import { executionProto } from '@millrace/contracts';
import type { WorkerSessionFacts } from '@millrace/persistence';
import type { ConnectedWorker, SchedulerCore, Taker } from '@millrace/scheduling';
import type { Logger } from '@millrace/telemetry';
import { ID_PATTERN } from '@millrace/vocabulary';
import type { AttemptId, ClaimToken, InstanceId, RunId, SessionId } from '@millrace/vocabulary';
import type { AttemptQuestions } from './attempt-questions.js';

type Stream = ServerDuplexStream<executionProto.SessionRequest, executionProto.SessionResponse>;
type Request = NonNullable<executionProto.SessionRequest['body']>;
type Response = NonNullable<executionProto.SessionResponse['body']>;

export interface StreamParts {
  readonly core: SchedulerCore;
  readonly questions: AttemptQuestions;
  readonly logger: Logger;
  readonly schedulerId: string;
  readonly leaseTtlMs: number;
  readonly beatEveryMs: number;
}

const NO_QUEUES: ReadonlySet<string> = new Set();
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** One worker's stream to this scheduler. Everything on it is answered by request id, in any order. */
export class WorkerStream implements ConnectedWorker {
  sessionId = '' as SessionId;
  #taker: Taker | null = null;
  #name = '';
  #leave: (() => void) | undefined;
  #open = true;
  /** Messages that are being handled. */
  readonly #inHand = new Set<Promise<void>>();
  /** The scheduler stops: what is in hand is answered, what comes now is not heard; the worker asks another one. */
  #isDraining = false;
  /** Its last heartbeat said that it drains and holds nothing: when it closes the stream now, its session is over. */
  #isEmptied = false;

  constructor(
    private readonly stream: Stream,
    private readonly parts: StreamParts,
  ) {}

  run(): void {
    this.stream.on('data', (message: executionProto.SessionRequest) => {
      if (message.body === undefined || this.#isDraining) return;
      const handled = this.#handle(message.body).finally(() => this.#inHand.delete(handled));
      this.#inHand.add(handled);
    });
    this.stream.on('error', () => this.#close());
    this.stream.on('end', () => {
      void this.#goodbye();
      this.#close();
      this.stream.end();
    });
    this.stream.on('cancelled', () => this.#close());
  }

  cancel(attemptIds: readonly AttemptId[], reason: string): void {
    this.#send({ $case: 'cancel', value: { attemptIds: [...attemptIds], reason } });
  }

  offer(offer: executionProto.Offer): void {
    this.#send({ $case: 'offer', value: offer });
  }

  get queues(): ReadonlySet<string> {
    return this.#taker?.queues ?? NO_QUEUES;
  }

  callback(callback: executionProto.Callback): void {
    this.#send({ $case: 'callback', value: callback });
  }

  ended(reason: string): void {
    this.#send({ $case: 'ended', value: { reason } });
  }

  /** Ends the stream from this side: the scheduler stops, workers go to another. */
  close(): void {
    this.#close();
    this.stream.end();
  }

  /** Ends the stream when everything in hand is answered: an answer may hold a successor that was claimed in the same commit, which nobody else would start for seconds. */
  async drain(): Promise<void> {
    this.#isDraining = true;
    await Promise.allSettled(this.#inHand);
    this.close();
  }

  async #handle(body: Request): Promise<void> {
    try {
      switch (body.$case) {
        case 'hello':
          return await this.#hello(body.value);
        case 'claim':
          return await this.#claim(body.value);
        case 'beat':
          return await this.#beat(body.value);
        case 'complete':
          return await this.#complete(body.value);
        case 'callbackTaken':
          if (UUID.test(body.value.callbackId) && UUID.test(body.value.token)) await this.parts.core.callbacks.taken(body.value);
          return;
        case 'callbackReport':
          return await this.#callbackReport(body.value);
        case 'query':
          return this.#send({ $case: 'query', value: await this.parts.questions.answer(body.value) });
        default:
          body satisfies never;
      }
    } catch (error) {
      // Nothing is answered: the worker asks again with the same token, here or elsewhere.
      this.parts.logger.warn('a worker’s message could not be handled', { worker: this.#name, message: body.$case, error: error instanceof Error ? error.message : String(error) });
      if (body.$case === 'beat') this.parts.core.outage();
      if (body.$case === 'hello') this.close();
    }
  }

  async #hello(hello: executionProto.Hello): Promise<void> {
    const wrong = checkHello(hello);
    if (wrong !== undefined) {
      this.parts.logger.warn('a worker was turned away', { reason: wrong });
      this.ended(wrong);
      return this.close();
    }
    const facts: WorkerSessionFacts = {
      id: hello.sessionId as SessionId,
      workerName: hello.workerName,
      logHost: hello.logHost,
      logPort: hello.logPort,
      queues: hello.queues,
      slots: hello.slots,
      version: hello.version,
      pid: hello.pid === 0 ? null : hello.pid,
    };
    const state = await this.parts.core.sessions.open(facts, this.parts.leaseTtlMs);
    this.sessionId = facts.id;
    this.#name = facts.workerName;
    this.#taker = { sessionId: facts.id, workerName: facts.workerName, queues: new Set(facts.queues) };
    if (state === 'lost' || state === 'ended') return this.ended(`the session is ${state}`);
    this.#leave?.();
    this.#leave = this.#open ? this.parts.core.workers.add(this) : undefined;
    this.parts.core.callbacks.poke();
    this.parts.logger.info('worker connected', { worker: facts.workerName, session_id: facts.id, queues: facts.queues, slots: facts.slots });
    this.#send({
      $case: 'welcome',
      value: { leaseTtlMs: this.parts.leaseTtlMs, beatEveryMs: this.parts.beatEveryMs, schedulerId: this.parts.schedulerId, schedulers: this.#schedulers() },
    });
  }

  async #claim(request: executionProto.ClaimRequest): Promise<void> {
    const reply: executionProto.ClaimReply = { requestId: request.requestId, grants: [], refused: [], later: [] };
    await Promise.all(
      request.items.map(async (item) => {
        if (this.#taker === null || !UUID.test(item.instanceId) || !UUID.test(item.attemptId) || !UUID.test(item.claimToken)) return void reply.refused.push(item.attemptId);
        try {
          const grant = await this.parts.core.claims.claim({
            instanceId: item.instanceId as InstanceId,
            attemptId: item.attemptId as AttemptId,
            token: item.claimToken as ClaimToken,
            sessionId: this.sessionId,
            workerName: this.#name,
          });
          if (grant === null) reply.refused.push(item.attemptId);
          else reply.grants.push(grant);
        } catch (error) {
          this.parts.logger.warn('a claim could not be decided', { worker: this.#name, attempt_id: item.attemptId, error: error instanceof Error ? error.message : String(error) });
          reply.later.push(item.attemptId);
        }
      }),
    );
    this.#send({ $case: 'claim', value: reply });
  }

  async #complete(request: executionProto.CompleteRequest): Promise<void> {
    const reply: executionProto.CompleteReply = { requestId: request.requestId, acks: [], next: [] };
    await Promise.all(
      request.items.map(async (item) => {
        const answer = await this.parts.core.completions.complete(item, this.#taker);
        reply.acks.push({ attemptId: item.attemptId, result: answer.result, reason: answer.reason });
        reply.next.push(...answer.next);
        if (answer.result === 'refused') this.parts.logger.warn('a late result was refused', { worker: this.#name, attempt_id: item.attemptId, outcome: item.outcome, reason: answer.reason });
      }),
    );
    this.#send({ $case: 'complete', value: reply });
  }

  async #callbackReport(report: executionProto.CallbackReport): Promise<void> {
    if (!UUID.test(report.callbackId) || !UUID.test(report.token)) return;
    if (await this.parts.core.callbacks.report(report)) this.#send({ $case: 'callbackAck', value: { callbackId: report.callbackId, token: report.token } });
  }

  async #beat(beat: executionProto.Beat): Promise<void> {
    if (this.#taker === null) return;
    const held = beat.running.filter((item) => UUID.test(item.attemptId) && UUID.test(item.instanceId));
    const attempts = held.map((item) => item.attemptId as AttemptId);
    this.#isEmptied = beat.draining && held.length === 0;
    const answer = await this.parts.core.sessions.beat(this.sessionId, beat.freeSlots, attempts, beat.draining, this.parts.leaseTtlMs);
    const state = answer?.state;
    if (state === undefined || state === 'lost' || state === 'ended') return this.ended(`the session is ${state ?? 'unknown'}`);
    const stale = await this.parts.core.sessions.notCurrent(held.map((item) => ({ instanceId: item.instanceId as InstanceId, attemptId: item.attemptId as AttemptId })));
    const kept = beat.keptRuns.filter((id) => UUID.test(id)) as RunId[];
    const leftRuns = kept.length === 0 ? [] : await this.parts.core.runWorkers.left(kept, this.sessionId);
    this.#send({ $case: 'beat', value: { cancelAttemptIds: [...stale], schedulers: this.#schedulers(), leftRuns, drainAskedBy: answer?.drainAskedBy ?? '' } });
  }

  async #goodbye(): Promise<void> {
    if (!this.#isEmptied) return;
    try {
      await this.parts.core.sessions.end(this.sessionId);
      this.parts.logger.info('worker said goodbye', { worker: this.#name, session_id: this.sessionId });
    } catch (error) {
      this.parts.logger.debug('a goodbye could not be written; the lease will run out', { worker: this.#name, error: error instanceof Error ? error.message : String(error) });
    }
  }

  #schedulers(): executionProto.SchedulerAddress[] {
    return this.parts.core.membership.schedulers.map(({ id, address }) => ({ schedulerId: id, address }));
  }

  #send(body: Response): void {
    if (this.#open) this.stream.write({ body });
  }

  #close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#leave?.();
    if (this.#name !== '') this.parts.logger.info('worker’s stream ended', { worker: this.#name, session_id: this.sessionId });
  }
}

function checkHello(hello: executionProto.Hello): string | undefined {
  if (!UUID.test(hello.sessionId)) return 'session_id must be a uuid';
  if (hello.workerName === '' || hello.workerName.length > 200) return 'worker_name must have 1 to 200 characters';
  if (hello.queues.length === 0 || !hello.queues.every((queue) => ID_PATTERN.test(queue))) return 'queues must name at least one queue of letters, digits, "_", "-" and "."';
  if (!Number.isInteger(hello.slots) || hello.slots < 1) return 'slots must be at least 1';
  if (!Number.isInteger(hello.logPort) || hello.logPort < 0 || hello.logPort > 65_535) return 'log_port must be a port';
  if (!/^[A-Za-z0-9.:[\]-]{1,255}$/.test(hello.logHost)) return 'log_host must be a host name or address';
  return undefined;
}
