import { readFile } from 'node:fs/promises';
import type { Connection, TaskContext } from '@millrace/sdk';
import type { SendMailOptions } from 'nodemailer';
import { loadLibrary } from '../libraries/load-library.js';

type Nodemailer = typeof import('nodemailer');

/** One address, several separated by commas, or a list. */
export type Recipients = string | readonly string[];

export interface Email {
  readonly to: Recipients;
  readonly cc?: Recipients | undefined;
  readonly bcc?: Recipients | undefined;
  /** @default `extra.from_email` of the connection, else its login */
  readonly from?: string | undefined;
  readonly replyTo?: string | undefined;
  readonly subject: string;
  readonly html?: string | undefined;
  readonly text?: string | undefined;
  /** Absolute paths of files to attach. */
  readonly files?: readonly string[] | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

export interface SentEmail {
  readonly messageId: string;
  readonly accepted: readonly string[];
  readonly rejected: readonly string[];
}

const WITHIN_MS = 60_000;

/**
 * Sends an email over the SMTP server a connection names: host, port (25, with TLS 465, with STARTTLS 587), login, password. Its extra:
 * `from_email`; `disable_ssl` (false: TLS from the first byte, as Airflow's default); `disable_tls` (true: no STARTTLS either); `ssl_ca` path of a CA file.
 * @throws Error when no recipient was accepted
 */
export async function sendEmail(connection: Connection, email: Email, context: Pick<TaskContext, 'signal' | 'log'>): Promise<SentEmail> {
  const transport = await openTransport(connection);
  const stop = (): void => transport.close();
  context.signal.addEventListener('abort', stop, { once: true });
  try {
    context.signal.throwIfAborted();
    const sent = await transport.sendMail(messageOf(connection, email));
    const accepted = sent.accepted.map(addressOf);
    const rejected = sent.rejected.map(addressOf);
    if (rejected.length > 0) context.log.warn(`The mail server refused ${rejected.join(', ')}`);
    context.log.info(`Email "${email.subject}" sent to ${accepted.join(', ')}`);
    return { messageId: sent.messageId, accepted, rejected };
  } catch (error) {
    context.signal.throwIfAborted();
    throw error;
  } finally {
    context.signal.removeEventListener('abort', stop);
    transport.close();
  }
}

/** Logs in and says nothing. */
export async function checkSmtp(connection: Connection): Promise<void> {
  const transport = await openTransport(connection, 5_000);
  try {
    await transport.verify();
  } finally {
    transport.close();
  }
}

async function openTransport(connection: Connection, withinMs = WITHIN_MS): Promise<ReturnType<Nodemailer['createTransport']>> {
  const loaded = await loadLibrary<Nodemailer & { readonly default?: Nodemailer }>('nodemailer', 'sending email');
  const { extra } = connection;
  const withTls = extra['disable_ssl'] === false || (extra['disable_ssl'] === undefined && connection.port === 465);
  const ca = typeof extra['ssl_ca'] === 'string' ? await readFile(extra['ssl_ca'], 'utf8') : undefined;
  return (loaded.default ?? loaded).createTransport({
    host: connection.host ?? 'localhost',
    port: connection.port ?? (withTls ? 465 : 25),
    secure: withTls,
    ignoreTLS: extra['disable_tls'] === true,
    // With a password the way must be closed: STARTTLS or no mail. A server on this machine needs none.
    requireTLS: !withTls && extra['disable_tls'] !== true && connection.password !== null && !isLocal(connection.host),
    ...(connection.login === null || connection.login === '' ? {} : { auth: { user: connection.login, pass: connection.password ?? '' } }),
    ...(ca === undefined ? {} : { tls: { ca } }),
    connectionTimeout: withinMs,
    greetingTimeout: withinMs,
    socketTimeout: withinMs,
  });
}

function messageOf(connection: Connection, email: Email): SendMailOptions {
  const fallback = connection.extra['from_email'];
  const from = email.from ?? (typeof fallback === 'string' ? fallback : connection.login);
  if (from === null || from === '') throw new TypeError(`no sender: give the option from, or extra.from_email of connection "${connection.connectionId}"`);
  return {
    from,
    to: listOf(email.to),
    ...(email.cc === undefined ? {} : { cc: listOf(email.cc) }),
    ...(email.bcc === undefined ? {} : { bcc: listOf(email.bcc) }),
    ...(email.replyTo === undefined ? {} : { replyTo: email.replyTo }),
    subject: email.subject,
    ...(email.html === undefined ? {} : { html: email.html }),
    ...(email.text === undefined ? {} : { text: email.text }),
    ...(email.headers === undefined ? {} : { headers: { ...email.headers } }),
    attachments: (email.files ?? []).map((path) => ({ path })),
    // A body comes as text: it must not name files or addresses to be fetched.
    disableUrlAccess: true,
  };
}

function listOf(given: Recipients): string[] {
  return (typeof given === 'string' ? given.split(/[,;]/) : [...given]).map((one) => one.trim()).filter((one) => one !== '');
}

function addressOf(one: string | { readonly address: string }): string {
  return typeof one === 'string' ? one : one.address;
}

function isLocal(host: string | null): boolean {
  return host === null || host === 'localhost' || host === '127.0.0.1' || host === '::1';
}
