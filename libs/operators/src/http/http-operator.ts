import { stat } from 'node:fs/promises';
import { isAbsolute } from 'node:path';
import { Operator, fail } from '@millrace/sdk';
import type { OperatorOptions, TaskContext } from '@millrace/sdk';
import { needText, optionalFunction, optionalText, positiveNumber, textTable, wholeNumber } from '../options/check-options.js';
import { isSuccess, sendHttp, statusError } from './http-request.js';
import type { HttpResponse } from './http-request.js';

export interface HttpOperatorOptions<Result = unknown> extends OperatorOptions {
  /** Absolute, or a path on the connection's host. Template. */
  readonly url: string;
  /** @default 'GET', with a body 'POST' */
  readonly method?: string;
  /** Win over those of the connection. Template. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Appended to the address. Template. */
  readonly query?: Readonly<Record<string, string>>;
  /** A text is sent as it is, everything else as JSON. Template. */
  readonly body?: unknown;
  /** Host, port, `schema` (http or https), login and password (Basic) or password alone (Bearer), and `extra.headers`. @default none */
  readonly connectionId?: string;
  /** What is a success besides the statuses 200 to 299: false, or a throw, fails the try. @default every success */
  readonly responseCheck?: (response: HttpResponse, context: TaskContext) => boolean | Promise<boolean>;
  /** What the task returns. @default the JSON, else the text */
  readonly responseFilter?: (response: HttpResponse, context: TaskContext) => Result | Promise<Result>;
  /** Statuses after which another try of the task makes sense; any other failure by status then fails it whatever retries are left. @default all of them */
  readonly retryStatuses?: readonly number[];
  /** Absolute path: the body is written there as it comes; the task then returns `{ file, bytes }`. Template. @default it is kept in memory */
  readonly saveTo?: string;
  /** A larger body fails the try. Bytes. @default 4,000,000; with saveTo 10,000,000,000 */
  readonly maxBodyBytes?: number;
  /** For the request with its answer. @default 30 s */
  readonly requestTimeoutSeconds?: number;
}

/** Sends an HTTP request and returns what the server answered. */
export class HttpOperator<Result = unknown> extends Operator<Result> {
  static override readonly uiColor: string = '#f4a460';
  override readonly templateFields: readonly string[] = ['url', 'headers', 'query', 'body', 'saveTo'];
  readonly url: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string>>;
  readonly body: unknown;
  readonly connectionId: string | undefined;
  readonly retryStatuses: readonly number[] | undefined;
  readonly saveTo: string | undefined;
  readonly maxBodyBytes: number;
  readonly requestTimeoutSeconds: number;
  private readonly responseCheck: HttpOperatorOptions<Result>['responseCheck'];
  private readonly responseFilter: HttpOperatorOptions<Result>['responseFilter'];

  constructor(id: string, options: HttpOperatorOptions<Result>) {
    super(id, options);
    this.url = needText(this.taskId, 'url', options?.url);
    this.method = (optionalText(this.taskId, 'method', options.method) ?? (options.body === undefined ? 'GET' : 'POST')).toUpperCase();
    if (options.body !== undefined && (this.method === 'GET' || this.method === 'HEAD')) throw new TypeError(`task "${this.taskId}": a ${this.method} request has no body; give another method, or use query`);
    this.headers = textTable(this.taskId, 'headers', options.headers);
    this.query = textTable(this.taskId, 'query', options.query);
    this.body = options.body;
    this.connectionId = optionalText(this.taskId, 'connectionId', options.connectionId);
    this.responseCheck = optionalFunction(this.taskId, 'responseCheck', options.responseCheck);
    this.responseFilter = optionalFunction(this.taskId, 'responseFilter', options.responseFilter);
    const wrong = options.retryStatuses?.find((status) => !Number.isInteger(status) || status < 100 || status > 599);
    if (wrong !== undefined) throw new RangeError(`task "${this.taskId}": retryStatuses must hold HTTP statuses, got ${String(wrong)}`);
    this.retryStatuses = options.retryStatuses;
    this.saveTo = optionalText(this.taskId, 'saveTo', options.saveTo);
    this.maxBodyBytes = wholeNumber(this.taskId, 'maxBodyBytes', options.maxBodyBytes, this.saveTo === undefined ? 4_000_000 : 10_000_000_000);
    this.requestTimeoutSeconds = positiveNumber(this.taskId, 'requestTimeoutSeconds', options.requestTimeoutSeconds, 30);
  }

  override async execute(context: TaskContext): Promise<Result> {
    const { url, method, headers, query, body, saveTo, maxBodyBytes } = this;
    if (saveTo !== undefined && !isAbsolute(saveTo)) throw new Error(`saveTo must be an absolute path, got ${JSON.stringify(saveTo)}`);
    const connection = this.connectionId === undefined ? undefined : await context.connections.get(this.connectionId);
    const response = await sendHttp({ url, method, headers, query, body, connection, timeoutSeconds: this.requestTimeoutSeconds, maxBodyBytes, saveTo }, context);
    if (!isSuccess(response)) {
      const error = statusError({ method, url }, response);
      if (this.retryStatuses !== undefined && !this.retryStatuses.includes(response.status)) fail(error.message);
      throw error;
    }
    if (this.responseCheck !== undefined && !(await this.responseCheck(response, context))) throw new Error(`the answer of ${method} ${url.split('?')[0]} did not pass responseCheck: ${response.text.slice(0, 500)}`);
    if (this.responseFilter !== undefined) return this.responseFilter(response, context);
    if (saveTo !== undefined) return { file: saveTo, bytes: (await stat(saveTo)).size } as Result;
    return (isJson(response) ? response.json() : response.text) as Result;
  }
}

function isJson(response: HttpResponse): boolean {
  return /[/+]json\b/i.test(response.headers['content-type'] ?? '');
}
