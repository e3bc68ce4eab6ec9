import { MESSAGE_MAX_BYTES } from '@millrace/vocabulary';
import { attemptsReadySchema, wakeSchema } from '@millrace/contracts';
import type { AttemptsReady, Wake } from '@millrace/contracts';

/** A message that may be handled, or why it may not. */
export type Checked<Message> = { readonly ok: true; readonly message: Message } | { readonly ok: false; readonly reason: string };

export function checkAttemptsReady(value: unknown): Checked<AttemptsReady> {
  return check(attemptsReadySchema, value);
}

export function checkWake(value: unknown): Checked<Wake> {
  return check(wakeSchema, value);
}

/** Bytes from the wire: size, JSON, then the schema. */
export function decodeAttemptsReady(content: Buffer): Checked<AttemptsReady> {
  return decode(content, checkAttemptsReady);
}

export function decodeWake(content: Buffer): Checked<Wake> {
  return decode(content, checkWake);
}

function decode<Message>(content: Buffer, checkValue: (value: unknown) => Checked<Message>): Checked<Message> {
  if (content.length > MESSAGE_MAX_BYTES) return { ok: false, reason: `${content.length} bytes, at most ${MESSAGE_MAX_BYTES} are taken` };
  let value: unknown;
  try {
    value = JSON.parse(content.toString('utf8'));
  } catch {
    return { ok: false, reason: 'not JSON' };
  }
  return checkValue(value);
}

interface Schema<Message> {
  safeParse(value: unknown): { success: true; data: Message } | { success: false; error: { issues: readonly { path: readonly PropertyKey[]; message: string }[] } };
}

function check<Message>(schema: Schema<Message>, value: unknown): Checked<Message> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return { ok: true, message: parsed.data };
  const issue = parsed.error.issues[0];
  return { ok: false, reason: `${issue?.path.join('.') || 'message'}: ${issue?.message ?? 'not as the schema says'}` };
}
