import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { IconHistory } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import { Fragment, useState } from 'react';
import { PAGE_SIZE, PagesOf } from '../chrome/pages-of.js';
import { SearchField } from '../dags/dags-page.js';
import { Empty, Loaded } from '../feedback/feedback.js';
import { get } from '../rest/client.js';
import { JsonView } from '../look/json-view.js';
import { Instant } from '../time/instant.js';
import { useWords } from '../words/words.js';

interface Entry {
  readonly event_log_id: number;
  readonly when: string;
  readonly event: string;
  readonly dag_id: string | null;
  readonly run_id: string | null;
  readonly task_id: string | null;
  readonly map_index: number | null;
  readonly owner: string | null;
  readonly extra: string | null;
}

/** Of one instance: more was never done to one run by hand. */
const OF_RUN_MAX = 500;

/** Who did what, newest first: everywhere, with a dag, a run, or one instance. */
export function AuditList({ dagId, runId, taskId, mapIndex }: { readonly dagId: string | null; readonly runId?: string; readonly taskId?: string; readonly mapIndex?: number }) {
  const t = useWords();
  const [page, setPage] = useState(1);
  const [event, setEvent] = useState('');
  const [open, setOpen] = useState<number | null>(null);
  const list = useQuery({
    queryKey: ['audit', dagId, runId, taskId !== undefined, event, page],
    queryFn: ({ signal }) => get<{ event_logs: Entry[]; total_entries: number }>('/api/v2/eventLogs', { dag_id: dagId, run_id: runId, event_pattern: event === '' ? undefined : event, order_by: '-when', ...(taskId === undefined ? { limit: PAGE_SIZE, offset: (page - 1) * PAGE_SIZE } : { limit: OF_RUN_MAX }) }, signal),
    select: (data) => {
      if (taskId === undefined) return data;
      const about = data.event_logs.filter((entry) => isAbout(entry, taskId, mapIndex ?? -1));
      return { event_logs: about, total_entries: about.length };
    },
    placeholderData: keepPreviousData, refetchOnMount: 'always',
  });
  return (
    <>
      <div className="filters"><SearchField value={event} change={(value) => { setEvent(value); setPage(1); }} label={t('Search actions')} /></div>
      <Loaded query={list} rows={12}>
        {(data) => data.event_logs.length === 0 ? <Empty title={t('Nobody has done anything yet')} icon={<IconHistory />} /> : (
          <div className="card flush">
            <table className="table audit">
              <thead><tr><th>{t('When')}</th><th>{t('Who')}</th><th>{t('What')}</th><th>{t('On')}</th><th className="wide-only">{t('More')}</th></tr></thead>
              <tbody>
                {data.event_logs.map((entry) => (
                  <Fragment key={entry.event_log_id}>
                  <tr>
                    <td><Instant at={entry.when} /></td><td>{entry.owner ?? <span className="faint">{t('Millrace')}</span>}</td><td><span className="mono small">{entry.event}</span></td>
                    <td className="clip-cell">
                      {runId === undefined && entry.dag_id !== null && <Link to="/dags/$dagId" params={{ dagId: entry.dag_id }}>{entry.dag_id}</Link>}
                      {runId === undefined && entry.dag_id !== null && entry.run_id !== null && <> / <Link to="/dags/$dagId/runs/$runId" params={{ dagId: entry.dag_id, runId: entry.run_id }}>{entry.run_id}</Link></>}
                      {entry.task_id === null ? runId !== undefined && <span className="faint">{t('the run')}</span> : `${runId === undefined ? ' / ' : ''}${entry.task_id}`}
                    </td>
                    <td className="wide-only clip-cell faint mono small">{entry.extra !== null && entry.extra !== '{}' && <button type="button" className="clip" aria-expanded={open === entry.event_log_id} onClick={() => setOpen(open === entry.event_log_id ? null : entry.event_log_id)}>{entry.extra}</button>}</td>
                  </tr>
                  {open === entry.event_log_id && <tr><td colSpan={5}><JsonView value={parsed(entry.extra ?? '')} /></td></tr>}
                  </Fragment>
                ))}
              </tbody>
            </table>
            {taskId === undefined && <PagesOf total={data.total_entries} page={page} setPage={setPage} />}
          </div>
        )}
      </Loaded>
    </>
  );
}

/** Airflow's field is a text, which mostly is JSON. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

/** What names the instance, and what was done to the whole run; of an action on several tasks the details name them. */
function isAbout(entry: Entry, taskId: string, mapIndex: number): boolean {
  if (entry.task_id !== null) return entry.task_id === taskId && (entry.map_index === null || entry.map_index < 0 || entry.map_index === mapIndex);
  const named = (parsed(entry.extra ?? '') as { task_ids?: unknown } | null)?.task_ids;
  return !Array.isArray(named) || named.includes(taskId);
}
