import { ActionIcon, Button, MultiSelect, SegmentedControl, Select, Switch, TextInput, Tooltip } from '@mantine/core';
import { useDebouncedCallback } from '@mantine/hooks';
import { IconAlertTriangle, IconPlayerPlay, IconSearch, IconSitemap, IconStar, IconStarFilled } from '@tabler/icons-react';
import { keepPreviousData, useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { Link, getRouteApi } from '@tanstack/react-router';
import { useVirtualizer } from '@tanstack/react-virtual';
import { memo, useEffect, useRef, useState } from 'react';
import { Page } from '../chrome/page.js';
import { useRowKeys } from '../chrome/shortcuts.js';
import { Empty, Failure, Waiting } from '../feedback/feedback.js';
import { StateDot } from '../look/state-mark.js';
import { get } from '../rest/client.js';
import type { DagOverview, Facets } from '../rest/shapes.js';
import { useMay } from '../session/session.js';
import { Ago } from '../time/instant.js';
import { useWords } from '../words/words.js';
import { useFavorite, useIsFavorite, useIsPaused, usePause } from './actions.js';
import { RecentRuns } from './recent-runs.js';
import { TriggerDialog } from './trigger-dialog.js';

const PAGE_SIZE = 100;
const ROW_PX = 58;
const route = getRouteApi('/shell/dags');

export interface DagsSearch {
  readonly q?: string | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly owners?: readonly string[] | undefined;
  readonly show?: 'failed' | 'running' | 'active' | 'paused' | 'favorites' | undefined;
  readonly order?: 'name' | 'last_run' | 'next_run' | undefined;
}

/** All dags: found by name, tag, owner and state; what each did last and does next. */
export function DagsPage() {
  const t = useWords();
  const search = route.useSearch();
  const navigate = route.useNavigate();
  useRowKeys();
  const change = (next: Partial<DagsSearch>): void => void navigate({ search: (before) => ({ ...before, ...next }), replace: true });
  const facets = useQuery({ queryKey: ['facets'], queryFn: ({ signal }) => get<Facets>('/api/millrace/v1/ui/facets', undefined, signal) });
  const pages = useInfiniteQuery({
    queryKey: ['dags', search],
    queryFn: ({ pageParam, signal }) => get<{ dags: DagOverview[]; total_entries: number }>('/api/millrace/v1/ui/dags', {
      search: search.q, tags: search.tags, owners: search.owners, order: search.order ?? 'name', limit: PAGE_SIZE, offset: pageParam,
      state: search.show === 'failed' || search.show === 'running' ? search.show : undefined,
      paused: search.show === 'paused' ? true : search.show === 'active' ? false : undefined,
      favorites: search.show === 'favorites' ? true : undefined,
    }, signal),
    initialPageParam: 0,
    getNextPageParam: (last, all) => (all.length * PAGE_SIZE < last.total_entries ? all.length * PAGE_SIZE : undefined),
    placeholderData: keepPreviousData,
  });
  const dags = pages.data?.pages.flatMap((page) => page.dags) ?? [];
  const total = pages.data?.pages[0]?.total_entries ?? 0;
  const isFiltered = search.q !== undefined || search.tags !== undefined || search.owners !== undefined || search.show !== undefined;
  const count = (text: string, number: number | undefined) => <span className="choice">{text}{number !== undefined && <em>{number}</em>}</span>;

  return (
    <Page wide title={t('Dags')} marks={<span className="faint num">{total}</span>}>
      <div className="filters">
        <SearchField value={search.q ?? ''} change={(q) => change({ q: q === '' ? undefined : q })} label={t('Search dags')} />
        <SegmentedControl
          aria-label={t('Show')} value={search.show ?? 'all'} onChange={(show) => change({ show: show === 'all' ? undefined : (show as DagsSearch['show']) })}
          data={[
            { value: 'all', label: count(t('All'), facets.data?.total) },
            { value: 'active', label: count(t('Active'), facets.data === undefined ? undefined : facets.data.total - facets.data.paused) },
            { value: 'paused', label: count(t('Paused'), facets.data?.paused) },
            { value: 'failed', label: count(t('Failed'), facets.data?.failed) },
            { value: 'running', label: count(t('Running'), facets.data?.running) },
            { value: 'favorites', label: <span className="choice"><IconStar size={13} aria-hidden="true" />{t('Favourites')}</span> },
          ]}
        />
        <MultiSelect
          aria-label={t('Tags')} placeholder={(search.tags ?? []).length === 0 ? t('Tags') : undefined} searchable clearable value={[...(search.tags ?? [])]} className="filter-wide"
          data={(facets.data?.tags ?? []).map((tag) => tag.name)} onChange={(tags) => change({ tags: tags.length === 0 ? undefined : tags })}
        />
        <MultiSelect
          aria-label={t('Owners')} placeholder={(search.owners ?? []).length === 0 ? t('Owners') : undefined} searchable clearable value={[...(search.owners ?? [])]} className="filter-wide"
          data={(facets.data?.owners ?? []).map((owner) => owner.name)} onChange={(owners) => change({ owners: owners.length === 0 ? undefined : owners })}
        />
        <Select
          aria-label={t('Order')} value={search.order ?? 'name'} allowDeselect={false} w={122}
          data={[{ value: 'name', label: t('By name') }, { value: 'last_run', label: t('By last run') }, { value: 'next_run', label: t('By next run') }]}
          onChange={(order) => change({ order: order === 'name' ? undefined : (order as DagsSearch['order']) })}
        />
      </div>
      {pages.isError && dags.length === 0 ? <Failure error={pages.error} again={() => void pages.refetch()} />
        : pages.isPending ? <Waiting rows={10} />
        : dags.length === 0 ? (
          isFiltered
            ? <Empty title={t('No dag fits')} icon={<IconSearch />}><Button variant="default" onClick={() => void navigate({ search: {}, replace: true })}>{t('Show all')}</Button></Empty>
            : <Empty title={t('No dags yet')} icon={<IconSitemap />}><p>{t('Put a file into the dags folder; it appears here a moment later.')}</p></Empty>
        ) : <DagTable dags={dags} more={() => { if (pages.hasNextPage && !pages.isFetchingNextPage) void pages.fetchNextPage(); }} pickTag={(tag) => change({ tags: [...new Set([...(search.tags ?? []), tag])] })} />}
    </Page>
  );
}

export function SearchField({ value, change, label }: { readonly value: string; readonly change: (value: string) => void; readonly label: string }) {
  const [typed, setTyped] = useState(value);
  const tell = useDebouncedCallback(change, 200);
  useEffect(() => setTyped(value), [value]);
  return (
    <TextInput
      data-page-search type="search" aria-label={label} placeholder={label} leftSection={<IconSearch size={14} />} value={typed} className="filter-search"
      onChange={(event) => { setTyped(event.currentTarget.value); tell(event.currentTarget.value); }}
    />
  );
}

function DagTable({ dags, more, pickTag }: { readonly dags: readonly DagOverview[]; readonly more: () => void; readonly pickTag: (tag: string) => void }) {
  const t = useWords();
  const frame = useRef<HTMLDivElement>(null);
  const [triggering, setTriggering] = useState<string | null>(null);
  const rows = useVirtualizer({ count: dags.length, getScrollElement: () => frame.current, estimateSize: () => ROW_PX, overscan: 12, getItemKey: (index) => dags[index]!.dag_id });
  const items = rows.getVirtualItems();
  const last = items.at(-1)?.index ?? 0;
  useEffect(() => {
    if (last >= dags.length - 30) more();
  }, [last, dags.length, more]);
  return (
    <div className="rows card flush" ref={frame} role="table" aria-label={t('Dags')} aria-rowcount={dags.length}>
      <div className="dag-row rows-head" role="row">
        <span role="columnheader"><span className="sr">{t('Active')}</span></span>
        <span role="columnheader">{t('Dag')}</span>
        <span role="columnheader" className="wide-only">{t('Schedule')}</span>
        <span role="columnheader" className="wide-only">{t('Next run')}</span>
        <span role="columnheader">{t('Last runs')}</span>
        <span role="columnheader" className="wide-only">{t('Last run')}</span>
        <span role="columnheader"><span className="sr">{t('Actions')}</span></span>
      </div>
      <div role="rowgroup" style={{ height: rows.getTotalSize(), position: 'relative' }}>
        {items.map((item) => (
          <div key={item.key} style={{ position: 'absolute', insetInline: 0, height: ROW_PX, transform: `translateY(${item.start}px)` }} role="presentation">
            <DagRow dag={dags[item.index]!} index={item.index} trigger={setTriggering} pickTag={pickTag} />
          </div>
        ))}
      </div>
      {triggering !== null && <TriggerDialog dagId={triggering} close={() => setTriggering(null)} />}
    </div>
  );
}

/** Not drawn anew while the list scrolls. */
const DagRow = memo(function DagRow({ dag, index, trigger, pickTag }: { readonly dag: DagOverview; readonly index: number; readonly trigger: (dagId: string) => void; readonly pickTag: (tag: string) => void }) {
  const t = useWords();
  const may = useMay();
  const pause = usePause();
  const favorite = useFavorite();
  const isPaused = useIsPaused(dag.dag_id, dag.is_paused);
  const isFavorite = useIsFavorite(dag.dag_id, dag.is_favorite);
  const last = dag.recent.at(-1);
  return (
    <div className={isPaused ? 'dag-row paused' : 'dag-row'} role="row" aria-rowindex={index + 1} data-row>
      <span role="cell">
        <Switch size="xs" checked={!isPaused} disabled={!may('edit', 'dag')} aria-label={t('{dag} is active', { dag: dag.display_name })} onChange={(event) => pause(dag.dag_id, !event.currentTarget.checked)} />
      </span>
      <span role="cell" className="dag-name">
        <span className="dag-title">
          <Link to="/dags/$dagId" params={{ dagId: dag.dag_id }}>{dag.display_name}</Link>
          {dag.has_import_errors && <Tooltip label={t('Its file has an import error; the last good version runs')}><span className="warn-mark"><IconAlertTriangle size={14} aria-label={t('Import error')} /></span></Tooltip>}
          {dag.running + dag.queued > 0 && <span className="pill"><StateDot state={dag.running > 0 ? 'running' : 'queued'} size={6} />{dag.running > 0 ? t('{n} running', { n: dag.running }) : t('{n} queued', { n: dag.queued })}</span>}
        </span>
        <span className="dag-note">
          {dag.tags.slice(0, 4).map((tag) => <button type="button" key={tag} className="tag" onClick={() => pickTag(tag)}>{tag}</button>)}
          <span className="clip">{dag.description ?? (dag.owners.length > 0 ? dag.owners.join(', ') : t('{n} tasks', { n: dag.tasks }))}</span>
        </span>
      </span>
      <span role="cell" className="wide-only">
        <Tooltip label={dag.schedule_description ?? ''} disabled={dag.schedule_description === null}><span className="mono soft clip">{dag.schedule ?? '—'}</span></Tooltip>
      </span>
      <span role="cell" className="wide-only soft">{isPaused && dag.next_run_after !== null ? <span className="faint">{t('paused')}</span> : <Ago at={dag.next_run_after} />}</span>
      <span role="cell"><RecentRuns dagId={dag.dag_id} runs={dag.recent} /></span>
      <span role="cell" className="wide-only soft">{last === undefined ? <span className="faint">{t('never')}</span> : <Ago at={last.start_date ?? last.run_after} />}</span>
      <span role="cell" className="row-actions">
        <Tooltip label={isFavorite ? t('No favourite any more') : t('Favourite')}>
          <ActionIcon className={isFavorite ? 'favorite on' : 'favorite'} aria-label={t('Favourite')} aria-pressed={isFavorite} onClick={() => favorite(dag.dag_id, !isFavorite)}>
            {isFavorite ? <IconStarFilled size={15} /> : <IconStar size={15} />}
          </ActionIcon>
        </Tooltip>
        {may('create', 'dag_run') && (
          <Tooltip label={t('Trigger')}>
            <ActionIcon aria-label={t('Trigger {dag}', { dag: dag.display_name })} onClick={() => trigger(dag.dag_id)}><IconPlayerPlay size={16} /></ActionIcon>
          </Tooltip>
        )}
      </span>
    </div>
  );
});
