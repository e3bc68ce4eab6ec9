import { Button, Select } from '@mantine/core';
import { IconFoldDown, IconFoldUp, IconPlayerPlay } from '@tabler/icons-react';
import { useQueries, useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { useCallback, useMemo, useState } from 'react';
import { SearchField } from '../dags/dags-page.js';
import { Empty, Loaded } from '../feedback/feedback.js';
import { StateDot } from '../look/state-mark.js';
import { stateName } from '../look/states.js';
import type { BoardPage, Structure } from '../rest/shapes.js';
import { useWords } from '../words/words.js';
import { boardOf } from './board.js';
import { GridView } from './grid-view.js';
import { boardQuery, structureQuery } from './queries.js';
import { taskRows } from './task-order.js';
import type { TaskRow } from './task-order.js';

const PAGE_RUNS = 60;
const LEGEND = ['success', 'running', 'failed', 'up_for_retry', 'queued', 'upstream_failed', 'skipped', 'deferred'] as const;
const route = getRouteApi('/shell/dags/$dagId/');

export interface GridSearch {
  readonly task?: string | undefined;
  readonly state?: string | undefined;
  readonly type?: string | undefined;
  readonly folded?: readonly string[] | undefined;
}

/** Runs × tasks: what happened, at a glance; older runs come when one scrolls to them. */
export function GridPage() {
  const { dagId } = route.useParams();
  const structure = useQuery(structureQuery(dagId));
  return <Loaded query={structure} rows={12}>{(data) => <Grid dagId={dagId} structure={data} />}</Loaded>;
}

function Grid({ dagId, structure }: { readonly dagId: string; readonly structure: Structure }) {
  const t = useWords();
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const change = (next: Partial<GridSearch>): void => void navigate({ search: (before) => ({ ...before, ...next }), replace: true });
  const filters = { state: search.state, type: search.type };
  // Where each older page begins, told by the page before it.
  const [older, setOlder] = useState<{ readonly key: string; readonly befores: readonly string[] }>({ key: '', befores: [] });
  const key = JSON.stringify([dagId, filters]);
  const befores = older.key === key ? older.befores : [];
  const newest = useQuery(boardQuery(dagId, filters, null, PAGE_RUNS));
  const rest = useQueries({ queries: befores.map((before) => boardQuery(dagId, filters, before, PAGE_RUNS)) });
  const loaded = [newest.data, ...rest.map((query) => query.data)];
  const pages = loaded.slice(0, loaded.includes(undefined) ? loaded.indexOf(undefined) : loaded.length) as readonly BoardPage[];
  const next = pages.length === loaded.length ? (pages.at(-1)?.before ?? null) : null;
  const more = useCallback(() => {
    if (next !== null) setOlder((was) => (was.key === key && was.befores.includes(next) ? was : { key, befores: [...(was.key === key ? was.befores : []), next] }));
  }, [next, key]);

  const stamp = [newest.dataUpdatedAt, ...rest.map((query) => query.dataUpdatedAt)].join();
  // The stamp stands for the pages: their list is new with every render.
  const board = useMemo(() => boardOf(structure, pages), [structure, stamp, pages.length]);
  const folded = useMemo(() => new Set(search.folded), [search.folded]);
  const rows = useMemo((): readonly TaskRow[] => {
    const wanted = search.task?.toLowerCase();
    const all = taskRows(structure, folded);
    const gone = [...board.gone.keys()].map((id): TaskRow => ({ kind: 'task', id, label: id, depth: 0, members: [], isMapped: false, isFolded: false, isGone: true }));
    const shown = [...all, ...gone];
    return wanted === undefined ? shown : shown.filter((row) => row.kind === 'task' && row.id.toLowerCase().includes(wanted));
  }, [structure, folded, board, search.task]);
  const fold = useCallback((group: string) => {
    const now = new Set(folded);
    if (!now.delete(group)) now.add(group);
    void navigate({ search: (before) => ({ ...before, folded: now.size === 0 ? undefined : [...now] }), replace: true });
  }, [folded, navigate]);

  return (
    <div className="grid-page">
      <div className="filters">
        <SearchField value={search.task ?? ''} change={(task) => change({ task: task === '' ? undefined : task })} label={t('Search tasks')} />
        <Select aria-label={t('State of runs')} placeholder={t('Any state')} clearable w={130} value={search.state ?? null} data={['success', 'failed', 'running', 'queued'].map((value) => ({ value, label: t(value) }))} onChange={(state) => change({ state: state ?? undefined })} />
        <Select aria-label={t('Kind of runs')} placeholder={t('Any kind')} clearable w={150} value={search.type ?? null} data={['scheduled', 'manual', 'backfill', 'asset_triggered'].map((value) => ({ value, label: t(value.replaceAll('_', ' ')) }))} onChange={(type) => change({ type: type ?? undefined })} />
        {structure.groups.length > 0 && (
          <Button variant="default" leftSection={folded.size > 0 ? <IconFoldDown size={14} /> : <IconFoldUp size={14} />} onClick={() => change({ folded: folded.size > 0 ? undefined : structure.groups.map((group) => group.id) })}>
            {folded.size > 0 ? t('Unfold groups') : t('Fold groups')}
          </Button>
        )}
        <span className="spacer" />
        <span className="legend-line wide-only">{LEGEND.map((state) => <span key={state}><StateDot state={state} />{t(stateName(state))}</span>)}</span>
      </div>
      {newest.data === undefined ? <Loaded query={newest} rows={12}>{() => null}</Loaded>
        : board.runs.length === 0 ? <Empty title={filters.state === undefined && filters.type === undefined ? t('This dag has not run yet') : t('No run fits')} icon={<IconPlayerPlay />}><p>{t('Trigger it, or unpause it and wait for its schedule.')}</p></Empty>
        : <GridView dagId={dagId} rows={rows} board={board} fold={fold} more={more} isMore={next !== null || rest.some((query) => query.isFetching)} />}
    </div>
  );
}
