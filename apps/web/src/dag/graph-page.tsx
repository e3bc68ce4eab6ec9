import { Select } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { useMemo } from 'react';
import { Empty, Loaded } from '../feedback/feedback.js';
import { StateMark } from '../look/state-mark.js';
import type { Structure } from '../rest/shapes.js';
import { instantText } from '../time/format.js';
import { usePreferences } from '../time/preferences.js';
import { useWords } from '../words/words.js';
import { GraphView } from './graph-view.js';
import { boardQuery, runTasksQuery, structureQuery } from './queries.js';

const route = getRouteApi('/shell/dags/$dagId/graph');

/** The graph of the dag with the states of a run: the newest one, or one that is chosen. */
export function GraphPage() {
  const { dagId } = route.useParams();
  const structure = useQuery(structureQuery(dagId));
  return <Loaded query={structure}>{(data) => <Graph dagId={dagId} structure={data} />}</Loaded>;
}

function Graph({ dagId, structure }: { readonly dagId: string; readonly structure: Structure }) {
  const t = useWords();
  const { run } = route.useSearch();
  const navigate = route.useNavigate();
  const { zone } = usePreferences();
  const runs = useQuery(boardQuery(dagId, {}, null, 30)).data?.runs ?? [];
  const chosen = run ?? runs[0]?.run_id;
  const tasks = useQuery({ ...runTasksQuery(dagId, chosen ?? ''), enabled: chosen !== undefined });
  const states = useMemo(() => (tasks.data === undefined ? null : new Map(tasks.data.tasks.map((task) => [task.task_id, task]))), [tasks.data]);
  if (structure.tasks.length === 0) return <Empty title={t('This dag has no tasks')} />;
  return (
    <div className="graph-page">
      <div className="filters">
        <Select
          aria-label={t('States of run')} w={310} value={chosen ?? null} placeholder={t('No run yet')} allowDeselect={false}
          data={[...(chosen !== undefined && !runs.some((one) => one.run_id === chosen) ? [{ value: chosen, label: chosen }] : []), ...runs.map((one, index) => ({ value: one.run_id, label: `${instantText(one.run_after, zone)} · ${t(one.run_type.replaceAll('_', ' '))}${index === 0 ? ` · ${t('newest')}` : ''}` }))]}
          onChange={(value) => void navigate({ search: value === null || value === runs[0]?.run_id ? {} : { run: value }, replace: true })}
        />
        {tasks.data !== undefined && <StateMark state={tasks.data.run.state} />}
      </div>
      <GraphView structure={structure} states={states} pick={(taskId) => { if (chosen !== undefined) void navigate({ to: '/dags/$dagId/runs/$runId/tasks/$taskId', params: { dagId, runId: chosen, taskId } }); }} />
    </div>
  );
}
