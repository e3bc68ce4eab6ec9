import { Sensor } from '@millrace/sdk';
import type { PokeAnswer, SensorOptions, TaskContext } from '@millrace/sdk';
import { needText, optionalFunction, optionalText, positiveNumber, textTable, wholeNumber } from '../options/check-options.js';
import { isSuccess, sendHttp, statusError } from './http-request.js';
import type { HttpResponse } from './http-request.js';

export interface HttpSensorOptions extends SensorOptions {
  /** Absolute, or a path on the connection's host. Template. */
  readonly url: string;
  /** @default 'GET' */
  readonly method?: string;
  /** Win over those of the connection. Template. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Appended to the address. Template. */
  readonly query?: Readonly<Record<string, string>>;
  /** A text is sent as it is, everything else as JSON. Template. */
  readonly body?: unknown;
  /** As of `HttpOperator`. @default none */
  readonly connectionId?: string;
  /** Whether it is there: true, or `sensed(value)` with what the sensor is to return. @default every success is */
  readonly responseCheck?: (response: HttpResponse, context: TaskContext) => PokeAnswer<unknown> | Promise<PokeAnswer<unknown>>;
  /** Statuses that say "not yet"; any other that is no success fails the try. @default [404] */
  readonly notYetStatuses?: readonly number[];
  /** A larger body fails the try. Bytes. @default 4,000,000 */
  readonly maxBodyBytes?: number;
  /** For one look. @default 30 s */
  readonly requestTimeoutSeconds?: number;
}

/** Asks an address until it answers as wanted. */
export class HttpSensor extends Sensor {
  override readonly templateFields: readonly string[] = ['url', 'headers', 'query', 'body'];
  readonly url: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string>>;
  readonly body: unknown;
  readonly connectionId: string | undefined;
  readonly notYetStatuses: readonly number[];
  readonly maxBodyBytes: number;
  readonly requestTimeoutSeconds: number;
  private readonly responseCheck: HttpSensorOptions['responseCheck'];

  constructor(id: string, options: HttpSensorOptions) {
    super(id, options);
    this.url = needText(this.taskId, 'url', options?.url);
    this.method = (optionalText(this.taskId, 'method', options.method) ?? 'GET').toUpperCase();
    this.headers = textTable(this.taskId, 'headers', options.headers);
    this.query = textTable(this.taskId, 'query', options.query);
    this.body = options.body;
    this.connectionId = optionalText(this.taskId, 'connectionId', options.connectionId);
    this.responseCheck = optionalFunction(this.taskId, 'responseCheck', options.responseCheck);
    this.notYetStatuses = options.notYetStatuses ?? [404];
    this.maxBodyBytes = wholeNumber(this.taskId, 'maxBodyBytes', options.maxBodyBytes, 4_000_000);
    this.requestTimeoutSeconds = positiveNumber(this.taskId, 'requestTimeoutSeconds', options.requestTimeoutSeconds, 30);
  }

  override async poke(context: TaskContext): Promise<PokeAnswer<unknown>> {
    const { url, method, headers, query, body, maxBodyBytes } = this;
    const connection = this.connectionId === undefined ? undefined : await context.connections.get(this.connectionId);
    const response = await sendHttp({ url, method, headers, query, body, connection, timeoutSeconds: this.requestTimeoutSeconds, maxBodyBytes }, context);
    if (this.notYetStatuses.includes(response.status)) return false;
    if (!isSuccess(response)) throw statusError({ method, url }, response);
    return this.responseCheck === undefined ? true : this.responseCheck(response, context);
  }
}
