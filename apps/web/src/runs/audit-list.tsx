import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { IconHistory } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { PAGE_SIZE, PagesOf } from '../chrome/pages-of.js';
import { SearchField } from '../dags/dags-page.js';
import { Empty, Loaded } from '../feedback/feedback.js';
import { get } from '../rest/client.js';
import { Instant } from '../time/instant.js';
import { useWords } from '../words/words.js';

interface Entry {
  readonly event_log_id: number;
  readonly when: string;
  readonly event: string;
  readonly dag_id: string | null;
  readonly run_id: string | null;
  readonly task_id: string | null;
  readonly owner: string | null;
  readonly extra: string | null;
}

/** Who did what, newest first. */
export function AuditList({ dagId }: { readonly dagId: string | null }) {
  const t = useWords();
  const [page, setPage] = useState(1);
  const [event, setEvent] = useState('');
  const list = useQuery({
    queryKey: ['audit', dagId, event, page],
    queryFn: ({ signal }) => get<{ event_logs: Entry[]; total_entries: number }>('/api/v2/eventLogs', { dag_id: dagId, event_pattern: event === '' ? undefined : event, order_by: '-when', limit: PAGE_SIZE, offset: (page - 1) * PAGE_SIZE }, signal),
    placeholderData: keepPreviousData, refetchOnMount: 'always',
  });
  return (
    <>
      <div className="filters"><SearchField value={event} change={(value) => { setEvent(value); setPage(1); }} label={t('Search actions')} /></div>
      <Loaded query={list} rows={12}>
        {(data) => data.event_logs.length === 0 ? <Empty title={t('Nobody has done anything yet')} icon={<IconHistory />} /> : (
          <div className="card flush">
            <table className="table">
              <thead><tr><th>{t('When')}</th><th>{t('Who')}</th><th>{t('What')}</th><th>{t('On')}</th><th className="wide-only">{t('More')}</th></tr></thead>
              <tbody>
                {data.event_logs.map((entry) => (
                  <tr key={entry.event_log_id}>
                    <td><Instant at={entry.when} /></td><td>{entry.owner ?? <span className="faint">{t('Millrace')}</span>}</td><td><span className="mono small">{entry.event}</span></td>
                    <td className="clip-cell">
                      {entry.dag_id !== null && <Link to="/dags/$dagId" params={{ dagId: entry.dag_id }}>{entry.dag_id}</Link>}
                      {entry.dag_id !== null && entry.run_id !== null && <> / <Link to="/dags/$dagId/runs/$runId" params={{ dagId: entry.dag_id, runId: entry.run_id }}>{entry.run_id}</Link></>}
                      {entry.task_id !== null && ` / ${entry.task_id}`}
                    </td>
                    <td className="wide-only clip-cell faint mono small" title={entry.extra ?? ''}>{entry.extra}</td>
                  </tr>
                ))}
              </tbody>
            </table>
            <PagesOf total={data.total_entries} page={page} setPage={setPage} />
          </div>
        )}
      </Loaded>
    </>
  );
}
