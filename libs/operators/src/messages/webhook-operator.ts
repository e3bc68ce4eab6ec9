import { Operator } from '@millrace/sdk';
import type { OperatorOptions, TaskContext } from '@millrace/sdk';
import { needText, optionalText, textTable } from '../options/check-options.js';
import { sendWebhook } from './webhook.js';

export interface WebhookOperatorOptions extends OperatorOptions {
  /** Absolute, or a path on the connection's host. Template. */
  readonly url: string;
  /** Sent as JSON. Template. @default {} */
  readonly payload?: unknown;
  /** Template. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Host and credentials; with `extra.webhook_secret` the message is signed (header `X-Millrace-Signature`). @default none */
  readonly connectionId?: string;
}

/** Tells another system by a JSON message, signed when there is a secret. Returns what it answered. */
export class WebhookOperator extends Operator {
  static override readonly uiColor: string = '#f4a460';
  override readonly templateFields: readonly string[] = ['url', 'payload', 'headers'];
  readonly url: string;
  readonly payload: unknown;
  readonly headers: Readonly<Record<string, string>>;
  readonly connectionId: string | undefined;

  constructor(id: string, options: WebhookOperatorOptions) {
    super(id, options);
    this.url = needText(this.taskId, 'url', options?.url);
    this.payload = options.payload ?? {};
    this.headers = textTable(this.taskId, 'headers', options.headers);
    this.connectionId = optionalText(this.taskId, 'connectionId', options.connectionId);
  }

  override async execute(context: TaskContext): Promise<unknown> {
    const connection = this.connectionId === undefined ? undefined : await context.connections.get(this.connectionId);
    // The instance, not the attempt: a try again tells the same thing.
    const key = `${context.dagId}/${context.runId}/${context.taskId}/${context.indexPath.join('.')}`;
    return sendWebhook(connection, { url: this.url, payload: this.payload, headers: this.headers, key }, context);
  }
}
