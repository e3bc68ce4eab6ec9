import { useMutation, useQueryClient } from '@tanstack/react-query';
import { tellDone, tellFailed } from '../feedback/feedback.js';
import { path, send } from '../rest/client.js';
import { useWords } from '../words/words.js';

type Listed = { readonly dags: readonly { readonly dag_id: string }[] };

/** Changes one dag in every list that shows it, before the server has answered. */
function useListPatch(): (dagId: string, change: Record<string, unknown>) => void {
  const client = useQueryClient();
  return (dagId, change) => {
    client.setQueriesData<{ pages: readonly Listed[]; pageParams: unknown[] }>({ queryKey: ['dags'] }, (before) => before === undefined ? before : {
      ...before, pages: before.pages.map((page) => ({ ...page, dags: page.dags.map((dag) => (dag.dag_id === dagId ? { ...dag, ...change } : dag)) })),
    });
    client.setQueryData<Record<string, unknown>>(['dag', dagId, 'details'], (before) => (before === undefined ? before : { ...before, ...change }));
  };
}

/** Pausing shows at once and can be taken back. */
export function usePause(): (dagId: string, paused: boolean, silent?: boolean) => void {
  const t = useWords();
  const client = useQueryClient();
  const patch = useListPatch();
  const change = useMutation({
    mutationFn: ({ dagId, paused }: { dagId: string; paused: boolean; silent: boolean }) => send('PATCH', path`/api/v2/dags/${dagId}`, { is_paused: paused }),
    onMutate: ({ dagId, paused }) => patch(dagId, { is_paused: paused }),
    onError: (error, { dagId, paused }) => {
      patch(dagId, { is_paused: !paused });
      tellFailed(error);
    },
    onSuccess: (_, { dagId, paused, silent }) => {
      if (!silent) tellDone(paused ? t('{dag} is paused', { dag: dagId }) : t('{dag} is active', { dag: dagId }), { label: t('Undo'), run: () => change.mutate({ dagId, paused: !paused, silent: true }) });
      void client.invalidateQueries({ queryKey: ['dag', dagId, 'details'] });
      void client.invalidateQueries({ queryKey: ['facets'] });
    },
  });
  return (dagId, paused, silent = false) => change.mutate({ dagId, paused, silent });
}

export function useFavorite(): (dagId: string, is: boolean) => void {
  const patch = useListPatch();
  const change = useMutation({
    mutationFn: ({ dagId, is }: { dagId: string; is: boolean }) => send('POST', is ? path`/api/v2/dags/${dagId}/favorite` : path`/api/v2/dags/${dagId}/unfavorite`),
    onMutate: ({ dagId, is }) => patch(dagId, { is_favorite: is }),
    onError: (error, { dagId, is }) => {
      patch(dagId, { is_favorite: !is });
      tellFailed(error);
    },
  });
  return (dagId, is) => change.mutate({ dagId, is });
}
