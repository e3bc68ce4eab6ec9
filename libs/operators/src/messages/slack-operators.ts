import { Operator } from '@millrace/sdk';
import type { OperatorOptions, TaskContext } from '@millrace/sdk';
import { needText, optionalText } from '../options/check-options.js';
import { postToSlack, sendToSlackWebhook } from './slack.js';
import type { PostedSlackMessage } from './slack.js';

export interface SlackWebhookOperatorOptions extends OperatorOptions {
  /** Slack's markup; with blocks what notifications show. Template. */
  readonly text: string;
  /** Blocks of Slack's Block Kit. Template. */
  readonly blocks?: readonly object[];
  /** Attachments, Slack's older way. Template. */
  readonly attachments?: readonly object[];
  /** A connection of type slackwebhook, whose password is the path of the webhook, `T…/B…/…`. @default 'slack_default' */
  readonly connectionId?: string;
}

/** Sends a message to Slack's incoming webhook, which knows its channel. */
export class SlackWebhookOperator extends Operator<void> {
  static override readonly uiColor: string = '#e8d5f2';
  override readonly templateFields: readonly string[] = ['text', 'blocks', 'attachments'];
  readonly text: string;
  readonly blocks: readonly object[] | undefined;
  readonly attachments: readonly object[] | undefined;
  readonly connectionId: string;

  constructor(id: string, options: SlackWebhookOperatorOptions) {
    super(id, options);
    this.text = needText(this.taskId, 'text', options?.text);
    this.blocks = options.blocks;
    this.attachments = options.attachments;
    this.connectionId = optionalText(this.taskId, 'connectionId', options.connectionId) ?? 'slack_default';
  }

  override async execute(context: TaskContext): Promise<void> {
    const { text, blocks, attachments } = this;
    await sendToSlackWebhook(await context.connections.get(this.connectionId), { text, blocks, attachments }, context);
  }
}

export interface SlackPostOperatorOptions extends SlackWebhookOperatorOptions {
  /** Name (`#data`) or id of the channel. Template. */
  readonly channel: string;
  /** Answers this message: the `ts` another task returned. Template. */
  readonly threadTs?: string;
  /** Shown as sender, where the app may choose. Template. */
  readonly username?: string;
  /** e.g. `:rocket:`. */
  readonly iconEmoji?: string;
  /** A connection of type slack, whose password is a bot token, `xoxb-…`. @default 'slack_api_default' */
  readonly connectionId?: string;
}

/** Posts a message to a channel as an app (`chat.postMessage`). Returns channel and `ts`, with which later messages answer it. */
export class SlackPostOperator extends Operator<PostedSlackMessage> {
  static override readonly uiColor: string = '#e8d5f2';
  override readonly templateFields: readonly string[] = ['channel', 'text', 'blocks', 'attachments', 'threadTs', 'username'];
  readonly channel: string;
  readonly text: string;
  readonly blocks: readonly object[] | undefined;
  readonly attachments: readonly object[] | undefined;
  readonly threadTs: string | undefined;
  readonly username: string | undefined;
  readonly iconEmoji: string | undefined;
  readonly connectionId: string;

  constructor(id: string, options: SlackPostOperatorOptions) {
    super(id, options);
    this.channel = needText(this.taskId, 'channel', options?.channel);
    this.text = needText(this.taskId, 'text', options.text);
    this.blocks = options.blocks;
    this.attachments = options.attachments;
    this.threadTs = optionalText(this.taskId, 'threadTs', options.threadTs);
    this.username = optionalText(this.taskId, 'username', options.username);
    this.iconEmoji = optionalText(this.taskId, 'iconEmoji', options.iconEmoji);
    this.connectionId = optionalText(this.taskId, 'connectionId', options.connectionId) ?? 'slack_api_default';
  }

  override async execute(context: TaskContext): Promise<PostedSlackMessage> {
    const { channel, text, blocks, attachments, threadTs, username, iconEmoji } = this;
    return postToSlack(await context.connections.get(this.connectionId), channel, { text, blocks, attachments, threadTs, username, iconEmoji }, context);
  }
}
