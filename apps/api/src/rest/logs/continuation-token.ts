import { createHash } from 'node:crypto';
import { MillraceError } from '@millrace/vocabulary';
import type { TryKey } from './try-logs.js';

/** Where the next read of a log goes on. Opaque to clients; it names its try, so that it is not used for another log by mistake. */
export function continuationToken(key: TryKey, offset: number): string {
  return Buffer.from(JSON.stringify([offset, digest(key)])).toString('base64url');
}

/** The byte a token stands for; 0 without one. Whoever makes one up gets bytes of a log that may be read anyway. */
export function offsetOf(token: string | undefined, key: TryKey): number {
  if (token === undefined || token === '') return 0;
  try {
    const [offset, of] = JSON.parse(Buffer.from(token, 'base64url').toString('utf8')) as [unknown, unknown];
    if (typeof offset === 'number' && Number.isSafeInteger(offset) && offset >= 0 && of === digest(key)) return offset;
  } catch {
    // Falls through to the refusal below.
  }
  throw new MillraceError('bad_request', 'Bad Signature. Please use only the tokens provided by the API.');
}

function digest(key: TryKey): string {
  return createHash('sha256').update(JSON.stringify([key.dagId, key.runId, key.taskId, key.mapIndex, key.tryNumber])).digest('base64url').slice(0, 16);
}
