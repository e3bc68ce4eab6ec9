/** `ok`: nothing to do. `warn`: works, and somebody should know. `fail`: does not work. `skip`: not configured here, or not to be asked. */
export type Verdict = 'ok' | 'warn' | 'fail' | 'skip';

export interface Finding {
  readonly check: string;
  readonly verdict: Verdict;
  /** What was found, a sentence without secrets. */
  readonly found: string;
  /** What to do; empty when nothing. */
  readonly advice: string;
}

export const ok = (check: string, found: string): Finding => ({ check, verdict: 'ok', found, advice: '' });
export const warn = (check: string, found: string, advice: string): Finding => ({ check, verdict: 'warn', found, advice });
export const fail = (check: string, found: string, advice: string): Finding => ({ check, verdict: 'fail', found, advice });
export const skip = (check: string, found: string): Finding => ({ check, verdict: 'skip', found, advice: '' });

/** The answer of work that may hang, within a time. */
export async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => (timer = setTimeout(() => reject(new Error(`no answer within ${ms / 1_000} s`)), ms)));
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

export function reasonOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(reasonOf).join('; ');
  const { code, message } = error as { code?: string; message?: string };
  return message || code || String(error);
}
