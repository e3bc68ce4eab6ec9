import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { tellDone, tellFailed } from '../feedback/feedback.js';
import { get, path, send } from '../rest/client.js';
import { useWords } from '../words/words.js';

interface Switch {
  readonly task_id: string;
  readonly off_by: string | null;
  readonly off_at: string | null;
  readonly note: string | null;
}

/** Whether a task is switched off for its dag, and the switch. A task that is off is skipped in every run. */
export function useTaskSwitch(dagId: string, taskId: string): { readonly off: Switch | null; readonly set: (off: boolean) => void } {
  const t = useWords();
  const client = useQueryClient();
  const key = ['dag', dagId, 'switches'];
  const list = useQuery({ queryKey: key, queryFn: ({ signal }) => get<{ switches: readonly Switch[] }>(path`/api/millrace/v1/dags/${dagId}/taskSwitches`, undefined, signal), staleTime: 5_000 });
  const change = useMutation({
    mutationFn: (off: boolean) => send('PATCH', path`/api/millrace/v1/dags/${dagId}/taskSwitches/${taskId}`, { off }),
    onSuccess: (_, off) => tellDone(off ? t('{task} is switched off', { task: taskId }) : t('{task} is switched on', { task: taskId }), { label: t('Undo'), run: () => change.mutate(!off) }),
    onError: tellFailed,
    onSettled: () => client.invalidateQueries({ queryKey: key }),
  });
  return { off: list.data?.switches.find((one) => one.task_id === taskId) ?? null, set: (off) => change.mutate(off) };
}
