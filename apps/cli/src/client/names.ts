import { MillraceError } from '@millrace/vocabulary';
import type { ApiClient } from './api-client.js';

export interface Named {
  /** Where all are listed. */
  readonly path: string;
  /** Key of the list in the answer. */
  readonly list: string;
  /** Field of an entry that names it. */
  readonly key: string;
  /** e.g. `variable`, for the sentence. */
  readonly what: string;
}

/** Runs a request about one thing; when there is none of that name, the error says which is nearest. */
export async function withName<Answer>(api: ApiClient, named: Named, name: string, request: () => Promise<Answer>): Promise<Answer> {
  try {
    return await request();
  } catch (error) {
    if (!(error instanceof MillraceError) || error.code !== 'not_found') throw error;
    const known = (await api.list(named.path, named.list, {}, 2_000).catch(() => [])).map((row) => String(row[named.key]));
    const { nearest } = await import('@millrace/configuration');
    const near = nearest(name, known);
    throw new MillraceError('not_found', `no ${named.what} ${JSON.stringify(name)}${near === null ? `; millrace ${named.what}s list shows them all` : `; did you mean ${JSON.stringify(near)}?`}`);
  }
}
