import { SegmentedControl } from '@mantine/core';
import { IconPuzzle2 } from '@tabler/icons-react';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { Link, getRouteApi } from '@tanstack/react-router';
import { PAGE_SIZE, PagesOf } from '../chrome/pages-of.js';
import { useRowKeys } from '../chrome/shortcuts.js';
import { SearchField } from '../dags/dags-page.js';
import { Empty, Loaded } from '../feedback/feedback.js';
import { StateMark } from '../look/state-mark.js';
import { get, path } from '../rest/client.js';
import { Ago } from '../time/instant.js';
import { useWords } from '../words/words.js';

interface Partition {
  readonly id: number;
  readonly partition_key: string;
  readonly created_at: string;
  readonly state: string;
  readonly dag_run_id: string | null;
  readonly events: number;
  readonly assets: readonly { readonly name: string; readonly is_complete: boolean; readonly arrived: number; readonly expected: number; readonly missing: readonly string[]; readonly missing_count: number }[];
}
export interface PartitionsSearch {
  readonly q?: string | undefined;
  readonly open?: boolean | undefined;
  readonly page?: number | undefined;
}

const MISSING_SHOWN = 12;
const route = getRouteApi('/shell/dags/$dagId/partitions');

/** Partitions a dag gathers from its assets: which are complete, and what the others still wait for. */
export function PartitionsPage() {
  const t = useWords();
  useRowKeys();
  const { dagId } = route.useParams();
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const page = search.page ?? 1;
  const change = (next: Partial<PartitionsSearch>): void => void navigate({ search: (before) => ({ ...before, ...next }), replace: true });
  const list = useQuery({
    queryKey: ['dag', dagId, 'partitions', search],
    queryFn: ({ signal }) => get<{ partitions: Partition[]; total_entries: number }>(path`/api/millrace/v1/dags/${dagId}/partitions`, { is_open: search.open, partition_key: search.q, limit: PAGE_SIZE, offset: (page - 1) * PAGE_SIZE }, signal),
    placeholderData: keepPreviousData,
  });
  return (
    <>
      <div className="filters">
        <SearchField value={search.q ?? ''} change={(q) => change({ q: q === '' ? undefined : q, page: undefined })} label={t('Partition key')} />
        <SegmentedControl aria-label={t('Show')} value={search.open === undefined ? 'all' : search.open ? 'open' : 'made'} onChange={(value) => change({ open: value === 'all' ? undefined : value === 'open', page: undefined })} data={[{ value: 'all', label: t('All') }, { value: 'open', label: t('Waiting') }, { value: 'made', label: t('With a run') }]} />
      </div>
      <Loaded query={list}>
        {(data) => data.partitions.length === 0 ? <Empty title={search.q === undefined && search.open === undefined ? t('No partition yet') : t('Nothing fits')} icon={<IconPuzzle2 />}><p>{t('Events of its assets that carry a partition key gather here until a partition is complete; then its run starts.')}</p></Empty> : (
          <div className="card flush">
            <table className="table">
              <thead><tr><th>{t('Partition key')}</th><th>{t('State')}</th><th style={{ width: '40%' }}>{t('Waits for')}</th><th className="right wide-only">{t('Events')}</th><th className="wide-only">{t('First event')}</th></tr></thead>
              <tbody>
                {data.partitions.map((one) => (
                  <tr key={one.id} data-row>
                    <td className="mono">{one.dag_run_id === null ? one.partition_key : <Link to="/dags/$dagId/runs/$runId" params={{ dagId, runId: one.dag_run_id }}>{one.partition_key}</Link>}</td>
                    <td>{one.dag_run_id === null ? <span className="pill">{t('waiting')}</span> : <StateMark state={one.state} />}</td>
                    <td>
                      {one.assets.map((asset) => (
                        <div key={asset.name} className="partition-asset">
                          <span className="progress"><span className="clip">{asset.name}</span><progress max={Math.max(1, asset.expected)} value={asset.arrived} aria-label={t('{n} of {all} of {name}', { n: asset.arrived, all: asset.expected, name: asset.name })} /><span className="num soft small">{asset.arrived} / {asset.expected}</span></span>
                          {asset.missing_count > 0 && one.dag_run_id === null && <span className="faint small mono block" title={asset.missing.join('\n')}>{t('missing')} {asset.missing.slice(0, MISSING_SHOWN).join(', ')}{asset.missing_count > MISSING_SHOWN && ` ${t('and {n} more', { n: asset.missing_count - MISSING_SHOWN })}`}</span>}
                        </div>
                      ))}
                    </td>
                    <td className="right num wide-only">{one.events}</td><td className="wide-only"><Ago at={one.created_at} /></td>
                  </tr>
                ))}
              </tbody>
            </table>
            <PagesOf total={data.total_entries} page={page} setPage={(next) => change({ page: next === 1 ? undefined : next })} />
          </div>
        )}
      </Loaded>
    </>
  );
}
