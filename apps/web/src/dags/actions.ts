import { useQueryClient } from '@tanstack/react-query';
import type { QueryClient } from '@tanstack/react-query';
import { tellDone, tellFailed } from '../feedback/feedback.js';
import { expectValue, useExpected } from '../live/expected.js';
import { path, send } from '../rest/client.js';
import { useWords } from '../words/words.js';

type Listed = { readonly dags: readonly { readonly dag_id: string }[] };

const pauseKey = (dagId: string): string => `paused ${dagId}`;
const favoriteKey = (dagId: string): string => `favorite ${dagId}`;

export function useIsPaused(dagId: string, known: boolean): boolean {
  return useExpected(pauseKey(dagId), known);
}

export function useIsFavorite(dagId: string, known: boolean): boolean {
  return useExpected(favoriteKey(dagId), known);
}

/** Pausing shows at once and can be taken back. */
export function usePause(): (dagId: string, paused: boolean, silent?: boolean) => void {
  const t = useWords();
  const client = useQueryClient();
  const pause = (dagId: string, paused: boolean, silent = false): void =>
    void change(client, dagId, { is_paused: paused }, pauseKey(dagId), () => send('PATCH', path`/api/v2/dags/${dagId}`, { is_paused: paused })).then((isDone) => {
      if (isDone && !silent) tellDone(paused ? t('{dag} is paused', { dag: dagId }) : t('{dag} is active', { dag: dagId }), { label: t('Undo'), run: () => pause(dagId, !paused, true) });
    });
  return pause;
}

export function useFavorite(): (dagId: string, is: boolean) => void {
  const client = useQueryClient();
  return (dagId, is) => void change(client, dagId, { is_favorite: is }, favoriteKey(dagId), () => send('POST', is ? path`/api/v2/dags/${dagId}/favorite` : path`/api/v2/dags/${dagId}/unfavorite`));
}

/** Shows the new value, asks the server for it, and goes on showing it until what lists know was read after the answer. */
async function change(client: QueryClient, dagId: string, field: Readonly<Record<string, boolean>>, key: string, ask: () => Promise<unknown>): Promise<boolean> {
  const confirmed = expectValue(key, Object.values(field)[0]);
  try {
    await ask();
  } catch (error) {
    confirmed();
    tellFailed(error);
    return false;
  }
  // Lists that nobody looks at are read again only when they are shown: until then they hold what is true now.
  client.setQueriesData<{ pages: readonly Listed[]; pageParams: unknown[] }>({ queryKey: ['dags'] }, (before) => before === undefined ? before : {
    ...before, pages: before.pages.map((page) => ({ ...page, dags: page.dags.map((dag) => (dag.dag_id === dagId ? { ...dag, ...field } : dag)) })),
  });
  client.setQueryData<Record<string, unknown>>(['dag', dagId, 'details'], (before) => (before === undefined ? before : { ...before, ...field }));
  void Promise.allSettled([['dags'], ['dag', dagId, 'details'], ['facets']].map((queryKey) => client.invalidateQueries({ queryKey }))).then(confirmed);
  return true;
}
