import type { CallbackContext, Notifier } from '@millrace/sdk';
import { headline, textOf } from '../messages/message-text.js';
import type { MessageText } from '../messages/message-text.js';
import { sendEmail } from './send-email.js';
import type { Recipients } from './send-email.js';

export interface EmailNotifierOptions {
  readonly to: Recipients;
  /** @default one line that says what happened to what */
  readonly subject?: MessageText;
  /** @default the same with the reason */
  readonly text?: MessageText;
  readonly html?: MessageText;
  /** @default `extra.from_email` of the connection, else its login */
  readonly from?: string;
  /** @default 'smtp_default' */
  readonly connectionId?: string;
}

/**
 * Tells by email what happened: a callback for `onFailure` and the others.
 * @example dag('nightly', { onFailure: new EmailNotifier({ to: 'data@example.org' }) }, …)
 */
export class EmailNotifier implements Notifier {
  constructor(private readonly options: EmailNotifierOptions) {
    if (options?.to === undefined || options.to.length === 0) throw new TypeError('EmailNotifier: to must name somebody');
  }

  async notify(context: CallbackContext): Promise<void> {
    const { to, from, subject, text, html, connectionId = 'smtp_default' } = this.options;
    const connection = await context.connections.get(connectionId);
    const line = headline(context);
    await sendEmail(connection, {
      to, from,
      subject: textOf(subject, context, line),
      text: textOf(text, context, `${line}\n\n${context.callback.reason}`),
      ...(html === undefined ? {} : { html: textOf(html, context, '') }),
      // The same each time it is told: a mail program shows one that was sent twice as one.
      headers: { 'X-Millrace-Callback': context.callback.id },
    }, context);
  }
}
