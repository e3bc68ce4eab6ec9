import { Select } from '@mantine/core';
import { IconActivity } from '@tabler/icons-react';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { Link, getRouteApi } from '@tanstack/react-router';
import { PAGE_SIZE, PagesOf } from '../chrome/pages-of.js';
import { Page } from '../chrome/page.js';
import { SelectAll, SelectRow, useSelection } from '../chrome/selection.js';
import { useRowKeys } from '../chrome/shortcuts.js';
import { SearchField } from '../dags/dags-page.js';
import { Empty, Loaded } from '../feedback/feedback.js';
import { StateMark } from '../look/state-mark.js';
import { STATE_ORDER, stateName } from '../look/states.js';
import { get } from '../rest/client.js';
import type { TaskInstance } from '../rest/shapes.js';
import { InstanceBulk } from '../run/instance-bulk.js';
import { useMay } from '../session/session.js';
import { Ago, Took } from '../time/instant.js';
import { useWords } from '../words/words.js';

export interface InstancesSearch {
  readonly q?: string | undefined;
  readonly dag?: string | undefined;
  readonly state?: string | undefined;
  readonly page?: number | undefined;
}

const route = getRouteApi('/shell/instances');

const NONE: readonly TaskInstance[] = [];
const keyOf = (one: TaskInstance): string => `${one.dag_id} ${one.dag_run_id} ${one.task_id} ${one.map_index}`;

/** Task instances of all dags, those of the newest runs first: runs have an index by that, instances have none by their dates. */
export function InstancesPage() {
  const t = useWords();
  useRowKeys();
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const change = (next: Partial<InstancesSearch>): void => void navigate({ search: (before) => ({ ...before, ...next }), replace: true });
  const page = search.page ?? 1;
  const list = useQuery({
    queryKey: ['instances', search],
    queryFn: ({ signal }) => get<{ task_instances: TaskInstance[]; total_entries: number }>('/api/v2/dags/~/dagRuns/~/taskInstances', { task_display_name_pattern: search.q, dag_id_pattern: search.dag, state: search.state, order_by: ['-run_after', '-start_date'], limit: PAGE_SIZE, offset: (page - 1) * PAGE_SIZE }, signal),
    placeholderData: keepPreviousData, staleTime: 2_000,
  });
  const mayChange = useMay()('edit', 'task_instance');
  const selection = useSelection(list.data?.task_instances ?? NONE, keyOf);
  return (
    <Page wide title={t('Task instances')}>
      <div className="filters">
        <SearchField value={search.q ?? ''} change={(q) => change({ q: q === '' ? undefined : q, page: undefined })} label={t('Search tasks')} />
        <SearchField value={search.dag ?? ''} change={(dag) => change({ dag: dag === '' ? undefined : dag, page: undefined })} label={t('Search dags')} />
        <Select aria-label={t('State')} placeholder={t('Any state')} clearable w={160} value={search.state ?? null} data={STATE_ORDER.map((value) => ({ value, label: t(stateName(value)) }))} onChange={(state) => change({ state: state ?? undefined, page: undefined })} />
      </div>
      {mayChange && <InstanceBulk selection={selection} />}
      <Loaded query={list} rows={12}>
        {(data) => data.task_instances.length === 0 ? <Empty title={t('No task instance fits')} icon={<IconActivity />} /> : (
          <div className="card flush">
            <table className="table">
              <thead><tr>{mayChange && <SelectAll selection={selection} />}<th>{t('Task')}</th><th>{t('State')}</th><th>{t('Dag')}</th><th className="wide-only">{t('Run')}</th><th className="wide-only">{t('Operator')}</th><th className="right">{t('Try')}</th><th className="wide-only">{t('Started')}</th><th className="right">{t('Ran')}</th></tr></thead>
              <tbody>
                {data.task_instances.map((one) => (
                  <tr key={keyOf(one)} data-row className={selection.has(keyOf(one)) ? 'chosen' : ''}>
                    {mayChange && <SelectRow selection={selection} id={keyOf(one)} name={`${one.task_id} ${one.dag_run_id}`} />}
                    <td><Link to="/dags/$dagId/runs/$runId/tasks/$taskId" params={{ dagId: one.dag_id, runId: one.dag_run_id, taskId: one.task_id }} search={one.map_index < 0 ? {} : { map: one.map_index }}>{one.task_display_name}{one.map_index < 0 ? '' : ` [${one.map_index}]`}</Link></td>
                    <td><StateMark state={one.state} /></td>
                    <td><Link to="/dags/$dagId" params={{ dagId: one.dag_id }} tabIndex={-1} className="soft">{one.dag_id}</Link></td>
                    <td className="wide-only clip-cell"><Link to="/dags/$dagId/runs/$runId" params={{ dagId: one.dag_id, runId: one.dag_run_id }} tabIndex={-1} className="soft">{one.dag_run_id}</Link></td>
                    <td className="soft wide-only">{one.operator}</td><td className="right num">{one.try_number}</td><td className="wide-only"><Ago at={one.start_date} /></td><td className="right"><Took from={one.start_date} to={one.end_date} /></td>
                  </tr>
                ))}
              </tbody>
            </table>
            <PagesOf total={data.total_entries} page={page} setPage={(next) => change({ page: next === 1 ? undefined : next })} />
          </div>
        )}
      </Loaded>
    </Page>
  );
}
