import { MillraceError } from '@millrace/vocabulary';

/** Runs work on a database; trouble with reaching it is a sentence with the address, never the password. */
export async function reachDatabase<Answer>(url: string, work: () => Promise<Answer>): Promise<Answer> {
  try {
    return await work();
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    const { host, pathname, username } = new URL(url);
    throw new MillraceError('unavailable', `the database ${pathname.slice(1)} at ${host} (user ${username || 'unnamed'}) can't be used: ${message || code || 'no answer'}. Set MILLRACE__DATABASE__URL, e.g. postgres://user:password@host:5432/millrace`);
  }
}
