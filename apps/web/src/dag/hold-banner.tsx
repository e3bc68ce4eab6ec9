import { Button } from '@mantine/core';
import { IconLock } from '@tabler/icons-react';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { tellDone, tellFailed } from '../feedback/feedback.js';
import { get, path, send } from '../rest/client.js';
import { useMay } from '../session/session.js';
import { Ago } from '../time/instant.js';
import { useWords } from '../words/words.js';

/** A dag that holds after a failed run says so, with the run and the way on. */
export function HoldBanner({ dagId }: { readonly dagId: string }) {
  const t = useWords();
  const may = useMay();
  const client = useQueryClient();
  const key = ['dag', dagId, 'hold'];
  const hold = useQuery({ queryKey: key, queryFn: ({ signal }) => get<{ held: boolean; held_by: string | null; since: string | null }>(path`/api/millrace/v1/dags/${dagId}/hold`, undefined, signal), staleTime: 5_000 });
  const release = useMutation({ mutationFn: () => send('POST', path`/api/millrace/v1/dags/${dagId}/release`, {}), onSuccess: () => tellDone(t('{dag} goes on', { dag: dagId })), onError: tellFailed, onSettled: () => client.invalidateQueries({ queryKey: ['dag', dagId] }) });
  if (hold.data?.held !== true || hold.data.held_by === null) return null;
  return (
    <div className="why" role="status">
      <IconLock size={17} aria-hidden="true" />
      <div className="spread">
        <span>{t('Nothing new starts: this dag holds after the failed run')} <Link className="link" to="/dags/$dagId/runs/$runId" params={{ dagId, runId: hold.data.held_by }}>{hold.data.held_by}</Link> <span className="faint"><Ago at={hold.data.since} /></span></span>
        {may('edit', 'dag') && <Button variant="default" loading={release.isPending} onClick={() => release.mutate()}>{t('Let it go on')}</Button>}
      </div>
    </div>
  );
}
