import { ExternalOperator } from '@millrace/sdk';
import type { CancelRequest, ExternalJob, ExternalOperatorOptions, ExternalStatus, Submission, Submitted, TaskContext } from '@millrace/sdk';
import { absoluteUrl, authorizationOf, headersOf } from '../http/http-connection.js';
import { HttpError } from '../http/http-error.js';

export interface HttpCall {
  /** Absolute, or a path on the connection's host. `{externalId}` stands for the platform's id. */
  readonly url: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON; a text is sent as it is. */
  readonly body?: unknown;
}

export interface AsyncHttpOperatorOptions extends ExternalOperatorOptions {
  /** Starts the work. A template. Its JSON body gets `callback_url` and `idempotency_key`; headers `Idempotency-Key` and `X-Callback-Url` say the same. */
  readonly request: HttpCall;
  /** Host and credentials of the platform: its login and password, or password alone as Bearer token. @default none */
  readonly connectionId?: string;
  /** Reads the platform's id from its answer. @default `id`, `job_id` or `jobId` of the JSON */
  readonly externalId?: (answer: unknown) => string | number | null | undefined;
  /** Where the platform says how it stands; with `pollInterval`, looked at so often. @default only its report counts */
  readonly status?: HttpCall;
  /** Reads how it stands from the platform's answer. @default `{ state | status, progress, result, reason | error }`, with the usual words for states */
  readonly readStatus?: (answer: unknown) => ExternalStatus;
  /** Tells the platform to stop, when the task timed out, was cleared or was marked. @default it is told nothing */
  readonly cancel?: HttpCall;
  /** For one request. @default 30 s */
  readonly requestTimeoutSeconds?: number;
}

const ANSWER_MAX_BYTES = 4_000_000;
const STATES: Readonly<Record<string, ExternalStatus['state']>> = {
  queued: 'running', pending: 'running', submitted: 'running', accepted: 'running', running: 'running', in_progress: 'running', processing: 'running', started: 'running',
  success: 'success', succeeded: 'success', completed: 'success', complete: 'success', done: 'success', finished: 'success',
  failed: 'failed', failure: 'failed', error: 'failed', errored: 'failed', cancelled: 'failed', canceled: 'failed', aborted: 'failed',
};

/**
 * Starts work on a platform by HTTP and waits for it without a slot: for its report to the callback address, by polling, or both.
 * Returns the result the platform reported.
 */
export class AsyncHttpOperator<Result = unknown> extends ExternalOperator<Result> {
  override readonly templateFields: readonly string[] = ['request', 'status', 'cancel'];
  readonly request: HttpCall;
  readonly status: HttpCall | undefined;
  readonly cancel: HttpCall | undefined;
  readonly connectionId: string | undefined;
  private readonly readId: AsyncHttpOperatorOptions['externalId'];
  private readonly readStatus: AsyncHttpOperatorOptions['readStatus'];
  private readonly requestTimeoutSeconds: number;

  constructor(id: string, options: AsyncHttpOperatorOptions) {
    const { pollInterval, ...others } = options;
    super(id, options.status === undefined && pollInterval === undefined ? others : options);
    if (pollInterval !== undefined && options.status === undefined) throw new TypeError(`task "${this.taskId}": pollInterval needs \`status\`, the call to look with`);
    this.request = options.request;
    this.status = options.status;
    this.cancel = options.cancel;
    this.connectionId = options.connectionId;
    this.readId = options.externalId;
    this.readStatus = options.readStatus;
    this.requestTimeoutSeconds = options.requestTimeoutSeconds ?? 30;
  }

  override async submit({ idempotencyKey, callbackUrl }: Submission, context: TaskContext): Promise<Submitted> {
    context.maskSecret(callbackUrl);
    const body = this.request.body ?? {};
    const call: HttpCall = {
      method: 'POST',
      ...this.request,
      headers: { 'idempotency-key': idempotencyKey, 'x-callback-url': callbackUrl, ...this.request.headers },
      body: typeof body === 'object' && body !== null && !Array.isArray(body) ? { ...body, callback_url: callbackUrl, idempotency_key: idempotencyKey } : body,
    };
    const answer = await this.#send(call, '', context);
    const id = (this.readId ?? idIn)(answer);
    const externalId = id === null || id === undefined ? undefined : String(id);
    return {
      ...(externalId === undefined ? {} : { externalId }),
      ...(this.cancel === undefined ? {} : { cancel: await this.#cancelRequest(this.cancel, externalId ?? '', context) }),
    };
  }

  override async check(job: ExternalJob, context: TaskContext): Promise<ExternalStatus> {
    if (this.status === undefined) return { state: 'running' };
    const answer = await this.#send({ method: 'GET', ...this.status }, job.externalId ?? '', context);
    return (this.readStatus ?? statusIn)(answer);
  }

  /** The scheduler sends it, perhaps long after this try: with all it needs but credentials, which it takes from the connection. */
  async #cancelRequest(call: HttpCall, externalId: string, context: TaskContext): Promise<CancelRequest> {
    const { url, headers, body } = await this.#prepared({ method: 'POST', ...call }, externalId, context, false);
    return { url, method: call.method ?? 'POST', headers, ...(body === undefined ? {} : { body }), ...(this.connectionId === undefined ? {} : { connectionId: this.connectionId }) };
  }

  async #prepared(call: HttpCall, externalId: string, context: TaskContext, isAuthorized: boolean): Promise<{ url: string; headers: Record<string, string>; body: string | undefined }> {
    const connection = this.connectionId === undefined ? undefined : await context.connections.get(this.connectionId);
    const url = absoluteUrl(call.url.replaceAll('{externalId}', encodeURIComponent(externalId)), connection);
    const isText = typeof call.body === 'string';
    const headers = {
      ...(call.body === undefined || isText ? {} : { 'content-type': 'application/json' }),
      ...(isAuthorized ? { ...headersOf(connection), ...authorizationOf(connection) } : {}),
      ...call.headers,
    };
    const body = call.body === undefined ? undefined : isText ? (call.body as string) : JSON.stringify(call.body);
    return { url, headers, body: body?.replaceAll('{externalId}', externalId) };
  }

  async #send(call: HttpCall, externalId: string, context: TaskContext): Promise<unknown> {
    const { url, headers, body } = await this.#prepared(call, externalId, context, true);
    const method = call.method ?? 'GET';
    const response = await fetch(url, {
      method, headers, ...(body === undefined || method === 'GET' ? {} : { body }), signal: AbortSignal.any([context.signal, AbortSignal.timeout(this.requestTimeoutSeconds * 1_000)]),
    });
    const text = await response.text();
    if (!response.ok) throw new HttpError(response.status, `${method} ${url} answered ${response.status}: ${text.slice(0, 500)}`);
    if (text.length > ANSWER_MAX_BYTES) throw new HttpError(response.status, `${method} ${url} answered with ${text.length} characters; the limit is ${ANSWER_MAX_BYTES}`);
    context.log.info(`${method} ${url} answered ${response.status}`);
    try {
      return text === '' ? null : (JSON.parse(text) as unknown);
    } catch {
      return text;
    }
  }
}

function idIn(answer: unknown): string | number | undefined {
  if (typeof answer !== 'object' || answer === null) return undefined;
  const { id, job_id: snake, jobId: camel } = answer as Record<string, unknown>;
  return [id, snake, camel].find((value): value is string | number => typeof value === 'string' || typeof value === 'number');
}

function statusIn(answer: unknown): ExternalStatus {
  if (typeof answer !== 'object' || answer === null) throw new TypeError('the status is no JSON object; give readStatus');
  const { state, status, progress, result, reason, error } = answer as Record<string, unknown>;
  const word = String(state ?? status ?? '').toLowerCase();
  // Own names only: a platform may answer «constructor».
  const known = Object.hasOwn(STATES, word) ? STATES[word] : undefined;
  if (known === undefined) throw new TypeError(`the platform says "${word}", which is no state known here; give readStatus`);
  if (known === 'running') return { state: 'running', ...(progress === undefined ? {} : { progress }) };
  if (known === 'success') return { state: 'success', ...(result === undefined ? {} : { result }) };
  const why = reason ?? error;
  return { state: 'failed', ...(why === undefined ? {} : { reason: typeof why === 'string' ? why : JSON.stringify(why) }) };
}
