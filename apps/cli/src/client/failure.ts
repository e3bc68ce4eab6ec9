import { ERRORS, MillraceError } from '@millrace/vocabulary';
import type { ErrorCode } from '@millrace/vocabulary';

/** Exit code of a run or try that failed: the one thing scripts ask for most. */
export const EXIT_FAILED_RUN = 1;

/** An error code for an HTTP status, by the table all interfaces share. */
export function codeOf(status: number, what: 'dag' | 'other' = 'other'): ErrorCode {
  if (status === 404) return what === 'dag' ? 'dag_not_found' : 'not_found';
  const found = (Object.entries(ERRORS) as [ErrorCode, { http: number }][]).find(([, { http }]) => http === status);
  return found?.[0] ?? (status >= 500 ? 'unavailable' : 'bad_request');
}

export function exitCodeOf(error: unknown): number {
  return error instanceof MillraceError ? ERRORS[error.code].exit : 1;
}
