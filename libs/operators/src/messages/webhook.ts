import { createHmac } from 'node:crypto';
import type { Connection, TaskContext } from '@millrace/sdk';
import { isSuccess, sendHttp, statusError } from '../http/http-request.js';

export interface WebhookMessage {
  /** Absolute, or a path on the connection's host. */
  readonly url: string;
  /** Sent as JSON. */
  readonly payload: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** The same for the same event each time it is told, for the receiver to know it by: header `Idempotency-Key`. */
  readonly key: string;
}

/**
 * Sends a JSON message. Where the connection's extra has `webhook_secret`, the header `X-Millrace-Signature: sha256=<hex>` is the
 * HMAC-SHA256 of the body under it, for the receiver to check who speaks.
 * @returns what the receiver answered
 */
export async function sendWebhook(connection: Connection | undefined, message: WebhookMessage, context: Pick<TaskContext, 'signal' | 'log'>): Promise<unknown> {
  const body = JSON.stringify(message.payload);
  const secret = connection?.extra['webhook_secret'];
  const headers = {
    'content-type': 'application/json',
    'idempotency-key': message.key,
    ...(typeof secret === 'string' ? { 'x-millrace-signature': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}` } : {}),
    ...message.headers,
  };
  const request = { url: message.url, method: 'POST', headers, query: {}, body, connection, timeoutSeconds: 30, maxBodyBytes: 1_000_000 };
  const response = await sendHttp(request, context);
  if (!isSuccess(response)) throw statusError(request, response);
  return /[/+]json\b/i.test(response.headers['content-type'] ?? '') ? response.json() : response.text;
}
