import { ActionIcon, Button, Tooltip } from '@mantine/core';
import { IconCalendarTime, IconPlayerPause, IconPlayerPlay, IconX } from '@tabler/icons-react';
import { keepPreviousData, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { Fragment, useState } from 'react';
import { PagesOf } from '../chrome/pages-of.js';
import { BackfillDialog } from '../dags/backfill-dialog.js';
import { Empty, Loaded, tellDone, tellFailed } from '../feedback/feedback.js';
import { StateBar, StateMark } from '../look/state-mark.js';
import { get, path, send } from '../rest/client.js';
import type { Backfill } from '../rest/shapes.js';
import { useMay } from '../session/session.js';
import { Ago, Instant } from '../time/instant.js';
import { useWords } from '../words/words.js';

const SIZE = 50;

/** Backfills with how far each is; of one dag or of all. */
export function BackfillList({ dagId }: { readonly dagId: string | null }) {
  const t = useWords();
  const may = useMay();
  const client = useQueryClient();
  const [page, setPage] = useState(1);
  const [isCreating, setCreating] = useState(false);
  const [shown, setShown] = useState<number | null>(null);
  const list = useQuery({
    queryKey: ['backfills', dagId, page],
    queryFn: ({ signal }) => get<{ backfills: Backfill[]; total_entries: number }>('/api/millrace/v1/ui/backfills', { dag_id: dagId, limit: SIZE, offset: (page - 1) * SIZE }, signal),
    placeholderData: keepPreviousData,
  });
  const change = useMutation({
    mutationFn: ({ id, to }: { id: number; to: 'pause' | 'unpause' | 'cancel' }) => send('PUT', path`/api/v2/backfills/${id}/${to}`),
    onSuccess: (_, { id, to }) => {
      if (to === 'cancel') tellDone(t('The backfill is cancelled; what runs may finish'));
      else tellDone(to === 'pause' ? t('The backfill is paused') : t('The backfill goes on'), { label: t('Undo'), run: () => change.mutate({ id, to: to === 'pause' ? 'unpause' : 'pause' }) });
    },
    onError: tellFailed,
    onSettled: () => client.invalidateQueries({ queryKey: ['backfills'] }),
  });
  return (
    <>
      {dagId !== null && may('create', 'backfill') && <div className="filters"><span className="spacer" /><Button leftSection={<IconCalendarTime size={14} />} onClick={() => setCreating(true)}>{t('New backfill')}</Button></div>}
      <Loaded query={list}>
        {(data) => data.backfills.length === 0 ? (
          <Empty title={t('No backfill yet')} icon={<IconCalendarTime />}><p>{t('A backfill runs a dag for a span of the past.')}{dagId === null && ` ${t('Start one from the page of its dag.')}`}</p></Empty>
        ) : (
          <div className="card flush">
            <table className="table">
              <thead><tr>{dagId === null && <th>{t('Dag')}</th>}<th>{t('Span')}</th><th>{t('State')}</th><th style={{ width: '24%' }}>{t('Progress')}</th><th className="right wide-only">{t('At a time')}</th><th className="wide-only">{t('By')}</th><th className="wide-only">{t('Created')}</th><th /></tr></thead>
              <tbody>
                {data.backfills.map((one) => {
                  const total = Object.values(one.runs).reduce((sum, count) => sum + count, 0);
                  const done = (one.runs['success'] ?? 0) + (one.runs['failed'] ?? 0);
                  const isOpen = one.completed_at === null && one.cancelled_at === null;
                  const state = one.cancelled_at !== null ? t('cancelled') : one.completed_at !== null ? t('completed') : one.is_paused ? t('paused') : t('running');
                  return (
                    <Fragment key={one.id}>
                    <tr>
                      {dagId === null && <td><Link to="/dags/$dagId" params={{ dagId: one.dag_id }}>{one.display_name}</Link></td>}
                      <td><Instant at={one.from_date} parts="minute" /> – <Instant at={one.to_date} parts="minute" />{one.run_backwards && <span className="faint"> {t('newest first')}</span>}</td>
                      <td><span className={isOpen && !one.is_paused ? 'pill on' : 'pill'}>{state}</span></td>
                      <td><span className="progress"><StateBar states={one.runs} width="100%" isProgress /><button type="button" className="link num small" aria-expanded={shown === one.id} aria-label={t('{done} / {all} runs done; show them', { done, all: total })} onClick={() => setShown(shown === one.id ? null : one.id)}>{done} / {total}</button></span></td>
                      <td className="right num wide-only">{one.max_active_runs}</td><td className="soft wide-only">{one.triggering_user_name}</td><td className="wide-only"><Ago at={one.created_at} /></td>
                      <td className="right">
                        {isOpen && may('edit', 'backfill') && (
                          <span className="row-actions">
                            <Tooltip label={one.is_paused ? t('Go on') : t('Pause')}><ActionIcon aria-label={one.is_paused ? t('Go on') : t('Pause')} onClick={() => change.mutate({ id: one.id, to: one.is_paused ? 'unpause' : 'pause' })}>{one.is_paused ? <IconPlayerPlay size={15} /> : <IconPlayerPause size={15} />}</ActionIcon></Tooltip>
                            <Tooltip label={t('Cancel backfill')}><ActionIcon aria-label={t('Cancel backfill')} onClick={() => { if (window.confirm(t('Cancel this backfill? Runs that have not started will not start.'))) change.mutate({ id: one.id, to: 'cancel' }); }}><IconX size={15} /></ActionIcon></Tooltip>
                          </span>
                        )}
                      </td>
                    </tr>
                    {shown === one.id && <tr><td colSpan={8} className="backfill-dates"><BackfillDates id={one.id} dagId={one.dag_id} /></td></tr>}
                    </Fragment>
                  );
                })}
              </tbody>
            </table>
            <PagesOf total={data.total_entries} page={page} setPage={setPage} size={SIZE} />
          </div>
        )}
      </Loaded>
      {isCreating && dagId !== null && <BackfillDialog dagId={dagId} close={() => setCreating(false)} />}
    </>
  );
}

/** The dates of a backfill, each with its run or why it has none. */
function BackfillDates({ id, dagId }: { readonly id: number; readonly dagId: string }) {
  const t = useWords();
  const [page, setPage] = useState(1);
  const dates = useQuery({
    queryKey: ['backfills', 'dates', id, page],
    queryFn: ({ signal }) => get<{ dates: { ordinal: number; logical_date: string | null; dag_run_id: string | null; state: string | null; exception_reason: string | null }[]; total_entries: number }>(path`/api/millrace/v1/backfills/${id}/dates`, { limit: SIZE, offset: (page - 1) * SIZE }, signal),
    placeholderData: keepPreviousData,
  });
  return (
    <Loaded query={dates} rows={3}>
      {(data) => (
        <>
          <ul className="plain-list">
            {data.dates.map((one) => (
              <li key={one.ordinal}>
                <span className="num"><Instant at={one.logical_date} parts="minute" /> {one.dag_run_id !== null && <Link to="/dags/$dagId/runs/$runId" params={{ dagId, runId: one.dag_run_id }}>{one.dag_run_id}</Link>}</span>
                {one.state === null ? <span className="soft">{one.exception_reason ?? t('not made yet')}</span> : <StateMark state={one.state} plain />}
              </li>
            ))}
          </ul>
          {data.total_entries > SIZE && <PagesOf total={data.total_entries} page={page} setPage={setPage} size={SIZE} />}
        </>
      )}
    </Loaded>
  );
}
