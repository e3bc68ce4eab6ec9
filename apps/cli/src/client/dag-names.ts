import { MillraceError } from '@millrace/vocabulary';
import type { ApiClient } from './api-client.js';

/** Runs a request about a dag; when the dag is unknown, the error names the nearest one. */
export async function withDagName<Answer>(api: ApiClient, dagId: string, request: () => Promise<Answer>): Promise<Answer> {
  try {
    return await request();
  } catch (error) {
    if (!(error instanceof MillraceError) || error.code !== 'not_found') throw error;
    const dags = await api.list('/api/v2/dags', 'dags', {}, 2_000).catch(() => []);
    const names = dags.map((dag) => String(dag['dag_id']));
    if (names.includes(dagId)) throw error;
    const { nearest } = await import('@millrace/configuration');
    const near = nearest(dagId, names);
    throw new MillraceError('dag_not_found', `there is no dag ${JSON.stringify(dagId)}${near === null ? '; millrace dags list shows them all' : `; did you mean ${near}?`}`);
  }
}

export function dagPath(dagId: string): string {
  return `/api/v2/dags/${encodeURIComponent(dagId)}`;
}

export function runPath(dagId: string, runId: string): string {
  return `${dagPath(dagId)}/dagRuns/${encodeURIComponent(runId)}`;
}
