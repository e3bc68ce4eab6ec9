import { isAbsolute } from 'node:path';
import { Operator } from '@millrace/sdk';
import type { OperatorOptions, TaskContext } from '@millrace/sdk';
import { needText, optionalText, textTable } from '../options/check-options.js';
import { sendEmail } from './send-email.js';
import type { Recipients, SentEmail } from './send-email.js';

export interface EmailOperatorOptions extends OperatorOptions {
  /** One address, several separated by commas, or a list. Template. */
  readonly to: Recipients;
  /** Template. */
  readonly subject: string;
  /** Template. This or `text`, or both. */
  readonly html?: string;
  /** Template. */
  readonly text?: string;
  /** Template. */
  readonly cc?: Recipients;
  /** Template. */
  readonly bcc?: Recipients;
  /** Template. @default `extra.from_email` of the connection, else its login */
  readonly from?: string;
  /** Template. */
  readonly replyTo?: string;
  /** Absolute paths of files to attach. Template. */
  readonly files?: readonly string[];
  /** Headers of your own. Template. */
  readonly headers?: Readonly<Record<string, string>>;
  /** A connection of type smtp: see `sendEmail`. @default 'smtp_default' */
  readonly connectionId?: string;
}

/** Sends an email. Returns its message id and who was accepted. */
export class EmailOperator extends Operator<SentEmail> {
  static override readonly uiColor: string = '#e6faf9';
  override readonly templateFields: readonly string[] = ['recipients', 'subject', 'html', 'text', 'cc', 'bcc', 'from', 'replyTo', 'files', 'headers'];
  /** The option `to`: every task has a method of that name. */
  readonly recipients: Recipients;
  readonly subject: string;
  readonly html: string | undefined;
  readonly text: string | undefined;
  readonly cc: Recipients | undefined;
  readonly bcc: Recipients | undefined;
  readonly from: string | undefined;
  readonly replyTo: string | undefined;
  readonly files: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
  readonly connectionId: string;

  constructor(id: string, options: EmailOperatorOptions) {
    super(id, options);
    this.recipients = recipients(this.taskId, 'to', options?.to);
    this.subject = needText(this.taskId, 'subject', options.subject);
    this.html = optionalText(this.taskId, 'html', options.html);
    this.text = optionalText(this.taskId, 'text', options.text);
    if (this.html === undefined && this.text === undefined) throw new TypeError(`task "${this.taskId}": give html, text, or both`);
    this.cc = options.cc === undefined ? undefined : recipients(this.taskId, 'cc', options.cc);
    this.bcc = options.bcc === undefined ? undefined : recipients(this.taskId, 'bcc', options.bcc);
    this.from = optionalText(this.taskId, 'from', options.from);
    this.replyTo = optionalText(this.taskId, 'replyTo', options.replyTo);
    this.files = options.files ?? [];
    this.headers = textTable(this.taskId, 'headers', options.headers);
    this.connectionId = optionalText(this.taskId, 'connectionId', options.connectionId) ?? 'smtp_default';
  }

  override async execute(context: TaskContext): Promise<SentEmail> {
    const relative = this.files.find((file) => !isAbsolute(file));
    if (relative !== undefined) throw new Error(`files must be absolute paths, got ${JSON.stringify(relative)}`);
    const { recipients: to, cc, bcc, from, replyTo, subject, html, text, files, headers } = this;
    return sendEmail(await context.connections.get(this.connectionId), { to, cc, bcc, from, replyTo, subject, html, text, files, headers }, context);
  }
}

function recipients(taskId: string, name: string, value: unknown): Recipients {
  if (!Array.isArray(value)) return needText(taskId, name, value);
  if (value.length === 0) throw new TypeError(`task "${taskId}": ${name} must name somebody`);
  for (const one of value) needText(taskId, name, one);
  return value as string[];
}
