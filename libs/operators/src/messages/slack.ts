import type { Connection, TaskContext } from '@millrace/sdk';
import { HttpError } from '../http/http-error.js';
import { isSuccess, sendHttp } from '../http/http-request.js';

/** What Slack shows. Its own words: https://api.slack.com/reference/surfaces/formatting */
export interface SlackMessage {
  readonly text: string;
  readonly blocks?: readonly object[] | undefined;
  readonly attachments?: readonly object[] | undefined;
  readonly username?: string | undefined;
  readonly iconEmoji?: string | undefined;
}

export interface PostedSlackMessage {
  readonly channel: string;
  /** Name of the message: `threadTs` of what answers it. */
  readonly ts: string;
}

const API = 'https://slack.com/api';
type Context = Pick<TaskContext, 'signal' | 'log'>;

/** An incoming webhook: the connection's password is the secret path, `T000/B000/XXXX`, or the whole address; host is Slack's unless given. */
export async function sendToSlackWebhook(connection: Connection, message: SlackMessage, context: Context): Promise<void> {
  const secret = connection.password ?? '';
  const base = connection.host === null || connection.host === '' ? 'https://hooks.slack.com/services' : baseOf(connection);
  if (secret === '' && !/\/services\/./.test(base)) throw new TypeError(`connection "${connection.connectionId}" has no password: put the path of the incoming webhook there (T…/B…/…)`);
  const url = /^https?:\/\//.test(secret) ? secret : secret === '' ? base : `${base}/${secret.replace(/^\/+/, '')}`;
  const response = await sendHttp({ ...REQUEST, url, body: bodyOf(message), connection: undefined }, withoutAddresses(context));
  if (!isSuccess(response)) throw new HttpError(response.status, `Slack refused the message: ${response.status} ${response.text.slice(0, 200)}`);
  context.log.info('Slack took the message');
}

/** `chat.postMessage`: the connection's password is a bot token (`xoxb-…`). @throws Error with Slack's own word for what is wrong */
export async function postToSlack(connection: Connection, channel: string, message: SlackMessage & { readonly threadTs?: string | undefined }, context: Context): Promise<PostedSlackMessage> {
  const answer = await callSlack(connection, 'chat.postMessage', { channel, ...bodyOf(message), ...(message.threadTs === undefined ? {} : { thread_ts: message.threadTs }) }, context);
  context.log.info(`Slack took the message for ${channel}`);
  return { channel: String(answer['channel']), ts: String(answer['ts']) };
}

/** Asks Slack whose token it is. @returns team and user */
export async function checkSlack(connection: Connection, context: Context): Promise<string> {
  const answer = await callSlack(connection, 'auth.test', {}, context);
  return `${String(answer['user'])} in ${String(answer['team'])}`;
}

async function callSlack(connection: Connection, method: string, body: object, context: Context): Promise<Readonly<Record<string, unknown>>> {
  if (connection.password === null || connection.password === '') throw new TypeError(`connection "${connection.connectionId}" has no password: put the bot token there (xoxb-…)`);
  const base = connection.host === null || connection.host === '' ? API : baseOf(connection);
  const headers = { authorization: `Bearer ${connection.password}`, 'content-type': 'application/json; charset=utf-8' };
  const response = await sendHttp({ ...REQUEST, url: `${base}/${method}`, headers, body, connection: undefined }, context);
  if (!isSuccess(response)) throw new HttpError(response.status, `Slack's ${method} answered ${response.status}${response.status === 429 ? `; try again after ${response.headers['retry-after'] ?? 'a while'} s` : ''}`);
  const answer = response.json() as Readonly<Record<string, unknown>>;
  if (answer['ok'] !== true) throw new Error(`Slack's ${method} refused: ${String(answer['error'])}`);
  return answer;
}

const REQUEST = { method: 'POST', headers: {}, query: {}, timeoutSeconds: 30, maxBodyBytes: 1_000_000 } as const;

function bodyOf({ text, blocks, attachments, username, iconEmoji }: SlackMessage): object {
  return { text, ...(blocks === undefined ? {} : { blocks }), ...(attachments === undefined ? {} : { attachments }), ...(username === undefined ? {} : { username }), ...(iconEmoji === undefined ? {} : { icon_emoji: iconEmoji }) };
}

function baseOf({ host, port, schema }: Connection): string {
  const given = (host ?? '').replace(/\/+$/, '');
  return `${/^https?:\/\//.test(given) ? given : `${schema === 'http' ? 'http' : 'https'}://${given}`}${port === null ? '' : `:${port}`}`;
}

/** The address of an incoming webhook is its secret: what it is called is not logged. */
function withoutAddresses({ signal }: Context): Context {
  const quiet = (): void => undefined;
  return { signal, log: { debug: quiet, info: quiet, warn: quiet, error: quiet } };
}
