import { Button, Menu } from '@mantine/core';
import { IconChevronDown, IconCircleCheck, IconCircleX, IconPlayerStop, IconRefresh, IconTrash } from '@tabler/icons-react';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, getRouteApi } from '@tanstack/react-router';
import { useMemo, useState } from 'react';
import { Card, Facts, Page } from '../chrome/page.js';
import { useRowKeys } from '../chrome/shortcuts.js';
import { SearchField } from '../dags/dags-page.js';
import { GraphView } from '../dag/graph-view.js';
import { runTasksQuery, structureQuery } from '../dag/queries.js';
import { taskRows } from '../dag/task-order.js';
import { Failure, Loaded, tellDone, tellFailed } from '../feedback/feedback.js';
import { JsonView } from '../look/json-view.js';
import { StateBar, StateMark } from '../look/state-mark.js';
import { standsFor, stateName } from '../look/states.js';
import { path, send } from '../rest/client.js';
import type { RunTasks, Structure } from '../rest/shapes.js';
import { useMay } from '../session/session.js';
import { AuditList } from '../runs/audit-list.js';
import { Ago, Instant, Took } from '../time/instant.js';
import { useWords } from '../words/words.js';
import { ChangeDialog } from './clear-dialog.js';
import { Gantt } from './gantt.js';
import { NoteField } from './note-field.js';
import { WhyRun } from './why.js';

export interface RunSearch {
  readonly view?: 'gantt' | 'graph' | 'details' | 'audit' | undefined;
  readonly q?: string | undefined;
  readonly state?: string | undefined;
}

/** A view is chosen by the search, and the page marks it itself. */
const NOTHING = {};
const route = getRouteApi('/shell/dags/$dagId/runs/$runId');

/** One run: its tasks as a list, a picture or over time. */
export function RunPage() {
  const t = useWords();
  const { dagId, runId } = route.useParams();
  const { view } = route.useSearch();
  const may = useMay();
  const client = useQueryClient();
  const navigate = route.useNavigate();
  const [change, setChange] = useState<'clear' | null>(null);
  const run = useQuery(runTasksQuery(dagId, runId));
  const structure = useQuery({ ...structureQuery(dagId, run.data?.run.version_number), enabled: run.data !== undefined });
  const mark = useMutation({
    mutationFn: (state: 'success' | 'failed') => send('PATCH', path`/api/v2/dags/${dagId}/dagRuns/${runId}`, { state }),
    onSuccess: (_, state) => tellDone(t('The run is {state} now', { state: t(state) })),
    onError: tellFailed,
    onSettled: () => client.invalidateQueries({ queryKey: ['dag', dagId] }),
  });
  const cancel = useMutation({
    mutationFn: () => send('POST', path`/api/millrace/v1/dags/${dagId}/dagRuns/${runId}/cancel`, {}),
    onSuccess: () => tellDone(t('The run is cancelled')),
    onError: tellFailed,
    onSettled: () => client.invalidateQueries({ queryKey: ['dag', dagId] }),
  });
  const remove = useMutation({
    mutationFn: () => send('DELETE', path`/api/v2/dags/${dagId}/dagRuns/${runId}`),
    onSuccess: () => {
      tellDone(t('The run is deleted'));
      void navigate({ to: '/dags/$dagId', params: { dagId } });
    },
    onError: tellFailed,
  });
  const facts = run.data?.run;
  const crumbs = [{ text: t('Dags'), to: '/dags' }, { text: dagId, to: `/dags/${encodeURIComponent(dagId)}` }, { text: t('Run') }];
  if (run.isError && run.data === undefined) return <Page title={runId} crumbs={crumbs}><Failure error={run.error} again={() => void run.refetch()} /></Page>;
  const tabs = [[undefined, t('Tasks')], ['graph', t('Graph')], ['gantt', t('Gantt')], ['details', t('Details')], ...(may('read', 'audit_log') ? [['audit', t('Audit log')] as const] : [])] as const;
  return (
    <Page
      wide title={runId} crumbs={crumbs.slice(0, 2)}
      marks={facts !== undefined && (
        <>
          <StateMark state={facts.state} />
          <span className="pill">{t(facts.run_type.replaceAll('_', ' '))}</span>
          <span className="soft small"><Ago at={facts.start_date ?? facts.queued_at} /> · <Took from={facts.start_date} to={facts.end_date} /></span>
        </>
      )}
      actions={may('edit', 'dag_run') && facts !== undefined && (
        <>
          <Button variant="default" leftSection={<IconRefresh size={14} />} onClick={() => setChange('clear')}>{t('Clear')}</Button>
          <Menu>
            <Menu.Target><Button variant="default" rightSection={<IconChevronDown size={13} />}>{t('More')}</Button></Menu.Target>
            <Menu.Dropdown>
              <Menu.Item leftSection={<IconCircleCheck size={15} />} onClick={() => mark.mutate('success')}>{t('Mark as success')}</Menu.Item>
              <Menu.Item leftSection={<IconCircleX size={15} />} onClick={() => mark.mutate('failed')}>{t('Mark as failed')}</Menu.Item>
              {facts.end_date === null && <Menu.Item leftSection={<IconPlayerStop size={15} />} onClick={() => cancel.mutate()}>{t('Cancel run')}</Menu.Item>}
              {may('delete', 'dag_run') && <Menu.Item color="red" leftSection={<IconTrash size={15} />} onClick={() => { if (window.confirm(t('Delete this run with its tries? This cannot be undone.'))) remove.mutate(); }}>{t('Delete…')}</Menu.Item>}
            </Menu.Dropdown>
          </Menu>
        </>
      )}
      tabs={(
        <nav className="tabs" aria-label={t('Views')}>
          {tabs.map(([to, text]) => <Link key={text} to="/dags/$dagId/runs/$runId" params={{ dagId, runId }} search={to === undefined ? {} : { view: to }} activeProps={NOTHING} className={view === to ? 'tab active' : 'tab'} aria-current={view === to ? 'page' : undefined}>{text}</Link>)}
        </nav>
      )}
    >
      <Loaded query={run} rows={10}>
        {(data) => (
          <>
            {data.run.reason !== null && <p className="banner danger">{data.run.reason}</p>}
            {data.run.end_date === null && <WhyRun dagId={dagId} runId={runId} state={data.run.state} />}
            <Loaded query={structure} rows={10}>
              {(shape) => view === 'graph' ? <RunGraph dagId={dagId} runId={runId} structure={shape} data={data} /> : view === 'gantt' ? <Gantt dagId={dagId} runId={runId} structure={shape} data={data} /> : view === 'details' ? <RunDetails dagId={dagId} data={data} /> : view === 'audit' ? <AuditList dagId={dagId} runId={runId} /> : <TaskList dagId={dagId} runId={runId} structure={shape} data={data} />}
            </Loaded>
          </>
        )}
      </Loaded>
      {change !== null && <ChangeDialog target={{ dagId, runId, taskIds: null }} to={change} close={() => setChange(null)} />}
    </Page>
  );
}

function RunGraph({ dagId, runId, structure, data }: { readonly dagId: string; readonly runId: string; readonly structure: Structure; readonly data: RunTasks }) {
  const navigate = route.useNavigate();
  const states = useMemo(() => new Map(data.tasks.map((task) => [task.task_id, task])), [data.tasks]);
  return <div className="graph-page"><GraphView structure={structure} states={states} pick={(taskId) => void navigate({ to: '/dags/$dagId/runs/$runId/tasks/$taskId', params: { dagId, runId, taskId } })} /></div>;
}

function TaskList({ dagId, runId, structure, data }: { readonly dagId: string; readonly runId: string; readonly structure: Structure; readonly data: RunTasks }) {
  const t = useWords();
  const { q, state } = route.useSearch();
  const navigate = route.useNavigate();
  useRowKeys();
  const byId = useMemo(() => new Map(data.tasks.map((task) => [task.task_id, task])), [data.tasks]);
  const shapes = useMemo(() => new Map(structure.tasks.map((task) => [task.id, task])), [structure]);
  const counts: Record<string, number> = {};
  for (const task of data.tasks) for (const [name, count] of Object.entries(task.states)) counts[name] = (counts[name] ?? 0) + count;
  const rows = taskRows(structure, new Set()).filter((row) => (row.kind === 'group' ? q === undefined && state === undefined : (q === undefined || row.id.toLowerCase().includes(q.toLowerCase())) && (state === undefined || (byId.get(row.id)?.states[state] ?? 0) > 0)));
  return (
    <>
      <div className="filters">
        <SearchField value={q ?? ''} change={(value) => void navigate({ search: (before) => ({ ...before, q: value === '' ? undefined : value }), replace: true })} label={t('Search tasks')} />
        <span className="state-picks" role="group" aria-label={t('State')}>
          {Object.entries(counts).map(([name, count]) => (
            <button type="button" key={name} aria-pressed={state === name} className={state === name ? 'on' : ''} onClick={() => void navigate({ search: (before) => ({ ...before, state: state === name ? undefined : name }), replace: true })}>
              <StateMark state={name} plain /><em>{count}</em>
            </button>
          ))}
        </span>
      </div>
      <div className="card flush">
        <table className="table">
          <thead><tr><th>{t('Task')}</th><th>{t('State')}</th><th className="wide-only">{t('Operator')}</th><th className="right">{t('Try')}</th><th className="wide-only">{t('Started')}</th><th className="right wide-only">{t('Waited')}</th><th className="right">{t('Ran')}</th></tr></thead>
          <tbody>
            {rows.map((row) => {
              const task = byId.get(row.id);
              if (row.kind === 'group') return <tr key={`group ${row.id}`} className="group-row"><td colSpan={7} style={{ paddingInlineStart: 16 + row.depth * 16 }}>{row.label}</td></tr>;
              return (
                <tr key={row.id} data-row>
                  <td style={{ paddingInlineStart: 16 + row.depth * 16 }}><Link to="/dags/$dagId/runs/$runId/tasks/$taskId" params={{ dagId, runId, taskId: row.id }}>{row.label}</Link>{task !== undefined && task.instances > 1 && <span className="faint"> [{task.instances}]</span>}</td>
                  <td>{task === undefined ? <span className="faint">{t(stateName(null))}</span> : task.instances > 1 ? <StateBar states={task.states} /> : <StateMark state={standsFor(task.states)} />}</td>
                  <td className="soft wide-only">{shapes.get(row.id)?.operator}</td>
                  <td className="right num">{task === undefined || task.try_number === 0 ? '' : task.try_number}</td>
                  <td className="wide-only"><Instant at={task?.start_date} /></td>
                  <td className="right wide-only"><Took from={task?.queued_at} to={task?.start_date} live={false} /></td>
                  <td className="right"><Took from={task?.start_date} to={task?.end_date} /></td>
                </tr>
              );
            })}
            {rows.length === 0 && <tr><td colSpan={7} className="none">{t('No task fits')}</td></tr>}
          </tbody>
        </table>
      </div>
    </>
  );
}

function RunDetails({ dagId, data }: { readonly dagId: string; readonly data: RunTasks }) {
  const t = useWords();
  const { run } = data;
  return (
    <div className="columns even">
      <Card title={t('Run')}>
        <Facts rows={[
          [t('State'), <StateMark key="s" state={run.state} />], [t('Kind'), t(run.run_type.replaceAll('_', ' '))], [t('Logical date'), <Instant key="l" at={run.logical_date} />],
          [t('Data interval'), run.data_interval_start === null ? null : <span key="d"><Instant at={run.data_interval_start} /> – <Instant at={run.data_interval_end} /></span>], [t('Run after'), <Instant key="a" at={run.run_after} />], [t('Queued'), <Instant key="q" at={run.queued_at} />],
          [t('Started'), <Instant key="st" at={run.start_date} />], [t('Ended'), <Instant key="e" at={run.end_date} />], [t('Waited'), <Took key="w" from={run.queued_at} to={run.start_date} live={false} />], [t('Ran'), <Took key="r" from={run.start_date} to={run.end_date} />],
          [t('Triggered by'), `${run.triggering_user_name ?? ''} ${run.triggered_by}`.trim()], [t('Dag version'), <Link key="v" to="/dags/$dagId/code" params={{ dagId }} search={{ version: run.version_number }}>v{run.version_number}</Link>], [t('Partition key'), run.partition_key],
        ]} />
      </Card>
      <div className="column-side">
        <Card title={t('Note')}><NoteField key={run.run_id} note={run.note} address={path`/api/v2/dags/${dagId}/dagRuns/${run.run_id}`} refresh={['dag', dagId]} /></Card>
        <Card title={t('Configuration')}><JsonView value={run.conf} /></Card>
        {run.result !== null && <Card title={t('Result')}><JsonView value={run.result} /></Card>}
      </div>
    </div>
  );
}
