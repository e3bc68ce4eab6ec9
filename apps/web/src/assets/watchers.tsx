import { ActionIcon, Tooltip } from '@mantine/core';
import { IconEar, IconTrash } from '@tabler/icons-react';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { Card } from '../chrome/page.js';
import { Empty, Loaded, tellFailed } from '../feedback/feedback.js';
import { get, path, send } from '../rest/client.js';
import { useMay } from '../session/session.js';
import { Ago } from '../time/instant.js';
import { useWords } from '../words/words.js';

interface Watcher {
  readonly id: number;
  readonly name: string;
  readonly kind: string;
  readonly asset_id: number;
  readonly asset_name: string;
  readonly state: 'watching' | 'starting' | 'trouble' | 'inactive';
  readonly connected_at: string | null;
  readonly last_event_at: string | null;
  readonly last_error: string | null;
  readonly last_error_at: string | null;
  readonly parked: number;
}
interface Parked {
  readonly id: number;
  readonly item: string;
  readonly content: unknown;
  readonly error: string;
  readonly parked_at: string;
}

/** What is listened to outside, how it is, and the messages that could not become events. */
export function Watchers() {
  const t = useWords();
  const [shown, setShown] = useState<number | null>(null);
  const list = useQuery({ queryKey: ['assets', 'watchers'], queryFn: ({ signal }) => get<{ watchers: Watcher[] }>('/api/millrace/v1/assets/watchers', { limit: 100 }, signal), retry: false, refetchInterval: 10_000 });
  return (
    <Loaded query={list}>
      {(data) => data.watchers.length === 0 ? <Empty title={t('Nothing outside is watched')} icon={<IconEar />}><p>{t('An asset with watchers gets events from messages or rows outside.')}</p></Empty> : (
        <>
          <div className="card flush">
            <table className="table">
              <thead><tr><th>{t('Asset')}</th><th>{t('Watcher')}</th><th>{t('State')}</th><th>{t('Last event')}</th><th className="right">{t('Put aside')}</th></tr></thead>
              <tbody>
                {data.watchers.map((one) => (
                  <tr key={one.id} data-row>
                    <td><Link to="/assets/$assetId" params={{ assetId: String(one.asset_id) }}>{one.asset_name}</Link></td>
                    <td>{one.name}{one.kind !== one.name && <span className="faint"> · {one.kind}</span>}</td>
                    <td><span className="lamp-line"><i className={one.state === 'watching' ? 'lamp on' : one.state === 'starting' ? 'lamp wait' : 'lamp off'} />{t(one.state)}</span>{one.last_error !== null && <span className="soft small block break">{one.last_error} · <Ago at={one.last_error_at} /></span>}</td>
                    <td><Ago at={one.last_event_at} /></td>
                    <td className="right">{one.parked === 0 ? <span className="faint num">0</span> : <button type="button" className="link num" aria-expanded={shown === one.id} onClick={() => setShown(shown === one.id ? null : one.id)}>{one.parked}</button>}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
          {shown !== null && <ParkedList id={shown} />}
        </>
      )}
    </Loaded>
  );
}

function ParkedList({ id }: { readonly id: number }) {
  const t = useWords();
  const may = useMay();
  const client = useQueryClient();
  const at = path`/api/millrace/v1/assets/watchers/${id}/parked`;
  const list = useQuery({ queryKey: ['assets', 'parked', id], queryFn: ({ signal }) => get<{ parked: Parked[] }>(at, { limit: 50 }, signal) });
  const forget = useMutation({ mutationFn: (parked: number) => send('DELETE', `${at}/${parked}`), onError: tellFailed, onSettled: () => client.invalidateQueries({ queryKey: ['assets'] }) });
  return (
    <Card title={t('Put aside: these could not become events')} flush>
      <Loaded query={list}>
        {(data) => (
          <table className="table">
            <thead><tr><th>{t('When')}</th><th>{t('Reason')}</th><th>{t('Content')}</th><th><span className="sr">{t('Actions')}</span></th></tr></thead>
            <tbody>{data.parked.map((one) => <tr key={one.id}><td><Ago at={one.parked_at} /></td><td className="break">{one.error}</td><td className="clip-cell mono small" title={JSON.stringify(one.content)}>{JSON.stringify(one.content)}</td><td className="right">{may('delete', 'asset') && <Tooltip label={t('Discard')}><ActionIcon aria-label={`${t('Discard')} ${one.id}`} onClick={() => forget.mutate(one.id)}><IconTrash size={15} /></ActionIcon></Tooltip>}</td></tr>)}</tbody>
          </table>
        )}
      </Loaded>
    </Card>
  );
}
