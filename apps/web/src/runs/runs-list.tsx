import { Button, Menu, Select, TextInput } from '@mantine/core';
import { useDebouncedCallback } from '@mantine/hooks';
import { IconChevronDown, IconPlayerPlay, IconRefresh, IconRepeat, IconTrash } from '@tabler/icons-react';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { PAGE_SIZE, PagesOf } from '../chrome/pages-of.js';
import { SelectAll, SelectRow, SelectionBar, useSelection } from '../chrome/selection.js';
import { useRowKeys } from '../chrome/shortcuts.js';
import { SearchField } from '../dags/dags-page.js';
import { Empty, Loaded } from '../feedback/feedback.js';
import { StateMark } from '../look/state-mark.js';
import { get, path } from '../rest/client.js';
import type { DagRun } from '../rest/shapes.js';
import { BulkDialog } from '../run/bulk-dialog.js';
import type { BulkAction } from '../run/bulk-dialog.js';
import { useMay } from '../session/session.js';
import { Ago, Instant, Took } from '../time/instant.js';
import { useWords } from '../words/words.js';

export interface RunsSearch {
  readonly q?: string | undefined;
  readonly state?: string | undefined;
  readonly type?: string | undefined;
  readonly since?: string | undefined;
  readonly page?: number | undefined;
}

const NONE: readonly DagRun[] = [];
const keyOf = (run: DagRun): string => `${run.dag_id} ${run.dag_run_id}`;

/** Runs, newest first: of one dag or of all. */
export function RunsList({ dagId, search, change }: { readonly dagId: string | null; readonly search: RunsSearch; readonly change: (next: Partial<RunsSearch>) => void }) {
  const t = useWords();
  useRowKeys();
  const page = search.page ?? 1;
  const setSince = useDebouncedCallback((since: string) => change({ since: since === '' ? undefined : since, page: undefined }), 300);
  const runs = useQuery({
    queryKey: dagId === null ? ['runs', search] : ['dag', dagId, 'runs', search],
    queryFn: ({ signal }) => get<{ dag_runs: DagRun[]; total_entries: number }>(path`/api/v2/dags/${dagId ?? '~'}/dagRuns`, {
      state: search.state, run_type: search.type, order_by: '-run_after', limit: PAGE_SIZE, offset: (page - 1) * PAGE_SIZE,
      ...(search.q === undefined ? {} : dagId === null ? { dag_id_pattern: search.q } : { run_id_pattern: search.q }), run_after_gte: search.since === undefined ? undefined : new Date(search.since).toISOString(),
    }, signal),
    placeholderData: keepPreviousData,
  });
  const may = useMay();
  const mayChange = may('edit', 'dag_run');
  const selection = useSelection(runs.data?.dag_runs ?? NONE, keyOf);
  const [bulk, setBulk] = useState<BulkAction | null>(null);
  return (
    <>
      <div className="filters">
        <SearchField value={search.q ?? ''} change={(q) => change({ q: q === '' ? undefined : q, page: undefined })} label={dagId === null ? t('Search dags') : t('Search run ids')} />
        <Select aria-label={t('State')} placeholder={t('Any state')} clearable w={130} value={search.state ?? null} data={['success', 'failed', 'running', 'queued'].map((value) => ({ value, label: t(value) }))} onChange={(state) => change({ state: state ?? undefined, page: undefined })} />
        <Select aria-label={t('Kind')} placeholder={t('Any kind')} clearable w={160} value={search.type ?? null} data={['scheduled', 'manual', 'backfill', 'asset_triggered', 'asset_materialization'].map((value) => ({ value, label: t(value.replaceAll('_', ' ')) }))} onChange={(type) => change({ type: type ?? undefined, page: undefined })} />
        <TextInput type="date" aria-label={t('Since')} defaultValue={search.since ?? ''} onChange={(event) => setSince(event.currentTarget.value)} w={140} />
      </div>
      {mayChange && (
        <SelectionBar selection={selection}>
          <Button size="xs" variant="default" leftSection={<IconRefresh size={14} />} onClick={() => setBulk('clear')}>{t('Clear')}</Button>
          <Menu>
            <Menu.Target><Button size="xs" variant="default" rightSection={<IconChevronDown size={13} />}>{t('Mark as…')}</Button></Menu.Target>
            <Menu.Dropdown>
              <Menu.Item onClick={() => setBulk('success')}>{t('success')}</Menu.Item>
              <Menu.Item onClick={() => setBulk('failed')}>{t('failed')}</Menu.Item>
              <Menu.Item onClick={() => setBulk('cancel')}>{t('Cancel run')}</Menu.Item>
            </Menu.Dropdown>
          </Menu>
          {dagId !== null && <Button size="xs" variant="default" leftSection={<IconRepeat size={14} />} renderRoot={(props) => <Link to="/dags/$dagId/reruns" params={{ dagId }} search={{ plan: selection.chosen.map((run) => run.dag_run_id) }} {...props} />}>{t('Plan a re-run')}</Button>}
          {may('delete', 'dag_run') && <Button size="xs" variant="default" color="red" leftSection={<IconTrash size={14} />} onClick={() => setBulk('delete')}>{t('Delete…')}</Button>}
        </SelectionBar>
      )}
      <Loaded query={runs} rows={12}>
        {(data) => data.dag_runs.length === 0 ? <Empty title={t('No run fits')} icon={<IconPlayerPlay />} /> : (
          <div className="card flush">
            <table className="table">
              <thead><tr>{mayChange && <SelectAll selection={selection} />}{dagId === null && <th>{t('Dag')}</th>}<th>{t('Run')}</th><th>{t('State')}</th><th className="wide-only">{t('Kind')}</th><th className={dagId === null ? 'wider-only' : 'wide-only'}>{t('Logical date')}</th><th className="wide-only">{t('Started')}</th><th className="right">{t('Ran')}</th><th className="wide-only">{t('By')}</th><th className={`right ${dagId === null ? 'wider-only' : 'wide-only'}`}>{t('Version')}</th></tr></thead>
              <tbody>
                {data.dag_runs.map((run) => (
                  <tr key={keyOf(run)} data-row className={selection.has(keyOf(run)) ? 'chosen' : ''}>
                    {mayChange && <SelectRow selection={selection} id={keyOf(run)} name={run.dag_run_id} />}
                    {dagId === null && <td className="clip-cell narrow"><Link to="/dags/$dagId" params={{ dagId: run.dag_id }} tabIndex={-1} className="soft">{run.dag_display_name}</Link></td>}
                    <td className="clip-cell"><Link to="/dags/$dagId/runs/$runId" params={{ dagId: run.dag_id, runId: run.dag_run_id }}>{run.dag_run_id}</Link>{run.partition_key != null && <span className="tag after" title={t('Partition key')}>{run.partition_key}</span>}{run.note !== null && <span className="faint" title={run.note}> “{run.note.slice(0, 40)}”</span>}</td>
                    <td><StateMark state={run.state} /></td>
                    <td className="soft wide-only nowrap">{t(run.run_type.replaceAll('_', ' '))}</td>
                    <td className={dagId === null ? 'wider-only' : 'wide-only'}><Instant at={run.logical_date} parts="minute" /></td>
                    <td className="wide-only"><Ago at={run.start_date} /></td>
                    <td className="right nowrap"><Took from={run.start_date} to={run.end_date} /></td>
                    <td className="soft wide-only">{run.triggering_user_name ?? t(run.triggered_by.replaceAll('_', ' '))}</td>
                    <td className={`right num soft ${dagId === null ? 'wider-only' : 'wide-only'}`}>{run.dag_versions.at(-1) === undefined ? '' : `v${run.dag_versions.at(-1)!.version_number}`}</td>
                  </tr>
                ))}
              </tbody>
            </table>
            <PagesOf total={data.total_entries} page={page} setPage={(next) => change({ page: next === 1 ? undefined : next })} />
          </div>
        )}
      </Loaded>
      {bulk !== null && <BulkDialog to={bulk} targets={selection.chosen.map((run) => ({ dagId: run.dag_id, runId: run.dag_run_id, state: run.state, instances: null }))} close={() => setBulk(null)} done={selection.clear} />}
    </>
  );
}
