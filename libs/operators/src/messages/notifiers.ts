import type { CallbackContext, Notifier } from '@millrace/sdk';
import { headline, textOf } from './message-text.js';
import type { MessageText } from './message-text.js';
import { postToSlack, sendToSlackWebhook } from './slack.js';
import { sendWebhook } from './webhook.js';

export interface SlackNotifierOptions {
  /** @default one line that says what happened to what, and the reason */
  readonly text?: MessageText;
  readonly blocks?: readonly object[] | ((context: CallbackContext) => readonly object[]);
  /** With a channel the message is posted by the bot of a connection of type slack; without, by an incoming webhook. */
  readonly channel?: string;
  /** @default 'slack_default', with a channel 'slack_api_default' */
  readonly connectionId?: string;
}

/**
 * Tells Slack what happened: a callback for `onFailure` and the others.
 * @example dag('nightly', { onFailure: new SlackNotifier({ channel: '#data' }) }, …)
 */
export class SlackNotifier implements Notifier {
  constructor(private readonly options: SlackNotifierOptions = {}) {}

  async notify(context: CallbackContext): Promise<void> {
    const { channel, blocks, connectionId = channel === undefined ? 'slack_default' : 'slack_api_default' } = this.options;
    const { reason } = context.callback;
    const message = { text: textOf(this.options.text, context, `${headline(context)}${reason === '' ? '' : `\n> ${reason}`}`), blocks: typeof blocks === 'function' ? blocks(context) : blocks };
    const connection = await context.connections.get(connectionId);
    if (channel === undefined) await sendToSlackWebhook(connection, message, context);
    else await postToSlack(connection, channel, message, context);
  }
}

export interface WebhookNotifierOptions {
  /** Absolute, or a path on the connection's host. */
  readonly url: string;
  /** @default `{ id, on, state, reason, deadline, dag_id, task_id, run_id, map_index, try_number, logical_date }` */
  readonly payload?: (context: CallbackContext) => unknown;
  /** As of `WebhookOperator`. @default none */
  readonly connectionId?: string;
}

/** Tells another system what happened by a JSON message, signed when there is a secret. */
export class WebhookNotifier implements Notifier {
  constructor(private readonly options: WebhookNotifierOptions) {
    if (typeof options?.url !== 'string' || options.url === '') throw new TypeError('WebhookNotifier: url must be a text that is not empty');
  }

  async notify(context: CallbackContext): Promise<void> {
    const { url, payload = eventOf, connectionId } = this.options;
    const connection = connectionId === undefined ? undefined : await context.connections.get(connectionId);
    await sendWebhook(connection, { url, payload: payload(context), key: context.callback.id }, context);
  }
}

function eventOf({ callback, dagId, taskId, runId, mapIndex, tryNumber, logicalDate }: CallbackContext): object {
  const { id, on, state, reason, deadline } = callback;
  return { id, on, state, reason, deadline, dag_id: dagId, task_id: taskId === '' ? null : taskId, run_id: runId === '' ? null : runId, map_index: mapIndex, try_number: tryNumber, logical_date: logicalDate?.toISOString() ?? null };
}
