import { Button, SegmentedControl } from '@mantine/core';
import { IconBolt, IconDatabase } from '@tabler/icons-react';
import { keepPreviousData, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, getRouteApi } from '@tanstack/react-router';
import { useMemo } from 'react';
import { PAGE_SIZE, PagesOf } from '../chrome/pages-of.js';
import { Card, Page } from '../chrome/page.js';
import { GraphView } from '../dag/graph-view.js';
import { SearchField } from '../dags/dags-page.js';
import { Empty, Loaded, tellDone, tellFailed } from '../feedback/feedback.js';
import { JsonView } from '../look/json-view.js';
import { get, path, send } from '../rest/client.js';
import type { Structure, TaskShape } from '../rest/shapes.js';
import { useMay } from '../session/session.js';
import { Ago } from '../time/instant.js';
import { useWords } from '../words/words.js';
import { Watchers } from './watchers.js';

interface Asset {
  readonly id: number;
  readonly name: string;
  readonly uri: string;
  readonly group: string;
  readonly extra: unknown;
  readonly scheduled_dags: readonly { readonly dag_id: string }[];
  readonly producing_tasks: readonly { readonly dag_id: string; readonly task_id: string }[];
  readonly consuming_tasks?: readonly { readonly dag_id: string; readonly task_id: string }[];
  readonly last_asset_event: { readonly id: number | null; readonly timestamp: string | null } | null;
}
interface AssetEvent {
  readonly id: number;
  readonly asset_id: number;
  readonly name: string | null;
  readonly extra: unknown;
  readonly source_dag_id: string | null;
  readonly source_task_id: string | null;
  readonly source_run_id: string | null;
  readonly source_map_index: number;
  readonly created_dagruns: readonly { readonly run_id?: string; readonly dag_run_id?: string; readonly dag_id: string }[];
  readonly timestamp: string;
  readonly partition_key?: string | null;
}
export interface AssetsSearch {
  readonly q?: string | undefined;
  readonly view?: 'graph' | 'events' | 'watchers' | undefined;
  readonly page?: number | undefined;
}

const route = getRouteApi('/shell/assets');

/** Data that dags make and wait for. */
export function AssetsPage() {
  const t = useWords();
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const change = (next: Partial<AssetsSearch>): void => void navigate({ search: (before) => ({ ...before, ...next }), replace: true });
  const page = search.page ?? 1;
  const size = search.view === 'graph' ? 100 : PAGE_SIZE;
  const assets = useQuery({ queryKey: ['assets', search.q, page, size], queryFn: ({ signal }) => get<{ assets: Asset[]; total_entries: number }>('/api/v2/assets', { name_pattern: search.q, limit: size, offset: (page - 1) * size, order_by: 'name' }, signal), placeholderData: keepPreviousData, retry: false, enabled: search.view !== 'events' && search.view !== 'watchers' });
  return (
    <Page wide title={t('Assets')}>
      <div className="filters">
        {(search.view === undefined || search.view === 'graph') && <SearchField value={search.q ?? ''} change={(q) => change({ q: q === '' ? undefined : q, page: undefined })} label={t('Search assets')} />}
        <SegmentedControl aria-label={t('View')} value={search.view ?? 'list'} onChange={(view) => change({ view: view === 'list' ? undefined : (view as AssetsSearch['view']), page: undefined })} data={[{ value: 'list', label: t('List') }, { value: 'graph', label: t('Graph') }, { value: 'events', label: t('Events') }, { value: 'watchers', label: t('Watchers') }]} />
      </div>
      {search.view === 'watchers' ? <Watchers /> : search.view === 'events' ? <Events assetId={null} search={search} change={change} /> : (
        <Loaded query={assets}>
          {(data) => data.assets.length === 0 ? <Empty title={t('No asset yet')} icon={<IconDatabase />}><p>{t('A task with outlets makes one; a dag may be scheduled on it.')}</p></Empty>
            : search.view === 'graph' ? <AssetGraph assets={data.assets} />
            : (
              <div className="card flush">
                <table className="table">
                  <thead><tr><th>{t('Asset')}</th><th className="wide-only">{t('Group')}</th><th>{t('Made by')}</th><th>{t('Starts')}</th><th>{t('Last event')}</th></tr></thead>
                  <tbody>
                    {data.assets.map((asset) => (
                      <tr key={asset.id} data-row>
                        <td><Link to="/assets/$assetId" params={{ assetId: String(asset.id) }}>{asset.name}</Link><span className="faint mono small block clip">{asset.uri}</span></td><td className="soft wide-only">{asset.group}</td>
                        <td>{asset.producing_tasks.map((task) => <Link key={`${task.dag_id} ${task.task_id}`} className="tag" to="/dags/$dagId" params={{ dagId: task.dag_id }}>{task.dag_id}.{task.task_id}</Link>)}</td>
                        <td>{asset.scheduled_dags.map((dag) => <Link key={dag.dag_id} className="tag" to="/dags/$dagId" params={{ dagId: dag.dag_id }}>{dag.dag_id}</Link>)}</td>
                        <td><Ago at={asset.last_asset_event?.timestamp} /></td>
                      </tr>
                    ))}
                  </tbody>
                </table>
                <PagesOf total={data.total_entries} page={page} setPage={(next) => change({ page: next })} />
              </div>
            )}
        </Loaded>
      )}
    </Page>
  );
}

/** Dags and assets as one graph: dags are drawn as tasks are elsewhere. */
function AssetGraph({ assets }: { readonly assets: readonly Asset[] }) {
  const t = useWords();
  const navigate = route.useNavigate();
  const structure = useMemo((): Structure => {
    const dags = new Map<string, { inlets: string[]; outlets: string[] }>();
    const of = (dagId: string): { inlets: string[]; outlets: string[] } => {
      let dag = dags.get(dagId);
      if (dag === undefined) dags.set(dagId, (dag = { inlets: [], outlets: [] }));
      return dag;
    };
    for (const asset of assets) {
      for (const task of asset.producing_tasks) of(task.dag_id).outlets.push(asset.name);
      for (const dag of asset.scheduled_dags) of(dag.dag_id).inlets.push(asset.name);
    }
    const blank: Omit<TaskShape, 'id' | 'label' | 'inlets' | 'outlets'> = { operator: 'dag', upstream: [], group: null, rule: '', mapped: false, setup: false, teardown: false, sensor: false, queue: '', pool: '', retries: 0, doc: null, defined_at: null };
    return { tasks: [...dags].map(([id, { inlets, outlets }]) => ({ ...blank, id, label: id, inlets: [...new Set(inlets)], outlets: [...new Set(outlets)] })), groups: [], edge_labels: {}, schedule: null };
  }, [assets]);
  return <div className="graph-page"><GraphView searchLabel={t('Search')} structure={structure} states={null} pick={(dagId) => void navigate({ to: '/dags/$dagId', params: { dagId } })} /></div>;
}

const one = getRouteApi('/shell/assets/$assetId');

export function AssetPage() {
  const t = useWords();
  const { assetId } = one.useParams();
  const may = useMay();
  const client = useQueryClient();
  const asset = useQuery({ queryKey: ['assets', 'one', assetId], queryFn: ({ signal }) => get<Asset>(path`/api/v2/assets/${assetId}`, undefined, signal) });
  const materialise = useMutation({
    mutationFn: () => send<{ dag_run_id: string; dag_id: string }>('POST', path`/api/v2/assets/${assetId}/materialize`, {}),
    onSuccess: (run) => {
      tellDone(t('Triggered {run}', { run: `${run.dag_id} / ${run.dag_run_id}` }));
      void client.invalidateQueries({ queryKey: ['assets'] });
    },
    onError: tellFailed,
  });
  return (
    <Page title={asset.data?.name ?? assetId} crumbs={[{ text: t('Assets'), to: '/assets' }]} marks={<span className="mono faint small">{asset.data?.uri}</span>} actions={may('create', 'asset') && <Button leftSection={<IconBolt size={14} />} loading={materialise.isPending} onClick={() => materialise.mutate()}>{t('Make it now')}</Button>}>
      <Loaded query={asset}>
        {(data) => (
          <div className="columns">
            <div className="column-main"><Events assetId={data.id} search={{}} change={() => undefined} /></div>
            <div className="column-side">
              <Card title={t('Made by')}><ul className="plain-list">{data.producing_tasks.map((task) => <li key={`${task.dag_id} ${task.task_id}`}><Link to="/dags/$dagId" params={{ dagId: task.dag_id }}>{task.dag_id}.{task.task_id}</Link></li>)}</ul></Card>
              <Card title={t('Starts')}><ul className="plain-list">{data.scheduled_dags.map((dag) => <li key={dag.dag_id}><Link to="/dags/$dagId" params={{ dagId: dag.dag_id }}>{dag.dag_id}</Link></li>)}</ul></Card>
              <Card title={t('Extra')}><JsonView value={data.extra} /></Card>
            </div>
          </div>
        )}
      </Loaded>
    </Page>
  );
}

function Events({ assetId, search, change }: { readonly assetId: number | null; readonly search: AssetsSearch; readonly change: (next: Partial<AssetsSearch>) => void }) {
  const t = useWords();
  const page = search.page ?? 1;
  const events = useQuery({ queryKey: ['assets', 'events', assetId, page], queryFn: ({ signal }) => get<{ asset_events: AssetEvent[]; total_entries: number }>('/api/v2/assets/events', { asset_id: assetId, limit: PAGE_SIZE, offset: (page - 1) * PAGE_SIZE, order_by: '-timestamp' }, signal), retry: false, placeholderData: keepPreviousData });
  return (
    <Loaded query={events}>
      {(data) => data.asset_events.length === 0 ? <Empty title={t('Nothing has been made yet')} icon={<IconDatabase />} /> : (
        <div className="card flush">
          <table className="table">
            <thead><tr><th>{t('When')}</th>{assetId === null && <th>{t('Asset')}</th>}<th>{t('Made by')}</th><th>{t('Started')}</th><th className="wide-only">{t('Extra')}</th></tr></thead>
            <tbody>
              {data.asset_events.map((event) => (
                <tr key={event.id}>
                  <td><Ago at={event.timestamp} /></td>{assetId === null && <td><Link to="/assets/$assetId" params={{ assetId: String(event.asset_id) }}>{event.name ?? event.asset_id}</Link></td>}
                  <td>{event.source_dag_id === null || event.source_run_id === null || event.source_task_id === null ? <span className="faint">{t('the api')}</span> : <Link to="/dags/$dagId/runs/$runId/tasks/$taskId" params={{ dagId: event.source_dag_id, runId: event.source_run_id, taskId: event.source_task_id }} search={event.source_map_index < 0 ? {} : { map: event.source_map_index }}>{event.source_dag_id}.{event.source_task_id}</Link>}</td>
                  <td>{event.created_dagruns.map((run) => <Link key={`${run.dag_id} ${run.run_id ?? run.dag_run_id}`} className="tag" to="/dags/$dagId/runs/$runId" params={{ dagId: run.dag_id, runId: run.run_id ?? run.dag_run_id ?? '' }}>{run.dag_id}</Link>)}</td>
                  <td className="wide-only clip-cell mono small faint">{event.partition_key ?? ''} {event.extra !== null && JSON.stringify(event.extra) !== '{}' ? JSON.stringify(event.extra) : ''}</td>
                </tr>
              ))}
            </tbody>
          </table>
          <PagesOf total={data.total_entries} page={page} setPage={(next) => change({ page: next })} />
        </div>
      )}
    </Loaded>
  );
}
