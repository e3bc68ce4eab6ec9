import { MillraceError } from '@millrace/vocabulary';
import type { ApiClient, Row } from '../client/api-client.js';
import { Progress } from '../output/progress.js';
import { tell } from '../output/terminal.js';

export const ON_EXISTING = ['overwrite', 'fail', 'skip'] as const;
export type OnExisting = (typeof ON_EXISTING)[number];

/** The api takes a thousand at once; fewer, so that a long import can be watched. */
const AT_ONCE = 200;

/** Sends entries to a bulk operation. @returns 1 when the api refused some, 0 otherwise; which and why is told */
export async function importInBulk(api: ApiClient, path: string, what: string, entities: readonly Row[], onExisting: OnExisting): Promise<number> {
  const progress = new Progress(`importing ${what}`, entities.length);
  const done: string[] = [];
  const errors: string[] = [];
  for (let from = 0; from < entities.length; from += AT_ONCE) {
    const part = entities.slice(from, from + AT_ONCE);
    const answer = await api.patch<{ create: { success: string[]; errors: { error: string }[] } | null }>(path, { actions: [{ action: 'create', entities: part as object[], action_on_existence: onExisting }] });
    if (answer.create === null || answer.create === undefined) throw new MillraceError('unavailable', `${path} did not say what became of the ${what}`);
    done.push(...answer.create.success);
    errors.push(...answer.create.errors.map(({ error }) => error));
    progress.at(Math.min(from + AT_ONCE, entities.length));
  }
  progress.end();
  for (const error of errors) tell(`millrace: ${error}`);
  tell(`${done.length} of ${entities.length} ${what} imported${onExisting === 'skip' ? '; those that exist were left alone' : ''}`);
  return errors.length > 0 ? 1 : 0;
}
