import { Button, Menu } from '@mantine/core';
import { IconChevronDown, IconCircleCheck, IconCircleX, IconPlayerSkipForward, IconPower, IconRefresh } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link, getRouteApi } from '@tanstack/react-router';
import { useState } from 'react';
import type { ReactNode } from 'react';
import { Card, Facts, Page } from '../chrome/page.js';
import { Empty, Failure, Loaded } from '../feedback/feedback.js';
import { useTaskSwitch } from '../dag/task-switch.js';
import { QuestionCard } from '../inbox/question-card.js';
import type { Question } from '../inbox/question-card.js';
import { LogView } from '../log/log-view.js';
import type { Level } from '../log/log-lines.js';
import { JsonView } from '../look/json-view.js';
import { Markdown } from '../look/markdown.js';
import { StateBar, StateMark } from '../look/state-mark.js';
import { isOver } from '../look/states.js';
import { get, path } from '../rest/client.js';
import type { InstancePage as InstanceData, TryFacts } from '../rest/shapes.js';
import { ChangeDialog } from '../run/clear-dialog.js';
import { NoteField } from '../run/note-field.js';
import { WhyInstance } from '../run/why.js';
import { useMay } from '../session/session.js';
import { AuditList } from '../runs/audit-list.js';
import { Ago, Instant, Took } from '../time/instant.js';
import { duration } from '../time/format.js';
import { useWords } from '../words/words.js';
import { ExternalWork, KeptState, Links } from './beside.js';
import { MappedList } from './mapped-list.js';
import { XComs } from './xcoms.js';

export interface InstanceSearch {
  readonly map?: number | undefined;
  readonly try?: number | undefined;
  readonly view?: 'fields' | 'xcoms' | 'details' | 'mapped' | 'audit' | undefined;
  readonly level?: Level | undefined;
  readonly line?: number | undefined;
}

/** A view is chosen by the search, and the page marks it itself. */
const NOTHING = {};
const route = getRouteApi('/shell/dags/$dagId/runs/$runId/tasks/$taskId');

/** One task of one run: what it did, why it waits, its log. */
export function InstancePage() {
  const t = useWords();
  const { dagId, runId, taskId } = route.useParams();
  const search = route.useSearch();
  const may = useMay();
  const mapIndex = search.map ?? -1;
  const [change, setChange] = useState<'clear' | 'success' | 'failed' | 'skipped' | null>(null);
  const taskSwitch = useTaskSwitch(dagId, taskId);
  const page = useQuery({
    queryKey: ['dag', dagId, 'run', runId, 'instance', taskId, mapIndex],
    queryFn: ({ signal }) => get<InstanceData>(path`/api/millrace/v1/ui/dags/${dagId}/dagRuns/${runId}/taskInstances/${taskId}`, { map_index: mapIndex }, signal),
  });
  const crumbs = [{ text: t('Dags'), to: '/dags' }, { text: dagId, to: `/dags/${encodeURIComponent(dagId)}` }, { text: runId, to: `/dags/${encodeURIComponent(dagId)}/runs/${encodeURIComponent(runId)}` }];
  const data = page.data;
  const title = `${data?.task?.label ?? taskId}${mapIndex < 0 ? '' : ` [${data?.instance?.rendered_map_index ?? mapIndex}]`}`;
  if (page.isError && data === undefined) return <Page title={title} crumbs={crumbs}><Failure error={page.error} again={() => void page.refetch()} /></Page>;
  const instance = data?.instance ?? null;
  const isSummary = data !== undefined && instance === null;
  const view = search.view ?? (isSummary ? 'mapped' : undefined);
  const tabs: readonly (readonly [InstanceSearch['view'], string])[] = isSummary
    ? [['mapped', t('Mapped instances')], ['details', t('Details')]]
    : [[undefined, t('Log')], ['fields', t('Rendered fields')], ['xcoms', t('XComs')], ['details', t('Details')], ...(may('read', 'audit_log') ? [['audit', t('Audit log')] as const] : [])];
  return (
    <Page
      wide title={title} crumbs={crumbs}
      marks={data !== undefined && (
        <>
          {instance === null ? <StateBar states={data.mapped?.states ?? {}} /> : <StateMark state={instance.state} />}
          {data.task !== null && <span className="pill">{data.task.operator}</span>}
          {instance !== null && instance.start_date !== null && <span className="soft small"><Ago at={instance.start_date} /> · <Took from={instance.start_date} to={instance.end_date} live={!isOver(instance.state)} /></span>}
          {taskSwitch.off !== null && <span className="pill warn" title={taskSwitch.off.note ?? ''}><IconPower size={13} aria-hidden="true" />{t('switched off by {who}', { who: taskSwitch.off.off_by ?? '—' })}</span>}
          {mapIndex >= 0 && <Link className="soft small" to="/dags/$dagId/runs/$runId/tasks/$taskId" params={{ dagId, runId, taskId }}>{t('all mapped instances')}</Link>}
        </>
      )}
      actions={may('edit', 'task_instance') && data !== undefined && (
        <>
          <Button leftSection={<IconRefresh size={14} />} variant={instance?.state === 'failed' ? 'filled' : 'default'} onClick={() => setChange('clear')}>{t('Clear')}</Button>
          <Menu>
            <Menu.Target><Button variant="default" rightSection={<IconChevronDown size={13} />}>{t('Mark as…')}</Button></Menu.Target>
            <Menu.Dropdown>
              <Menu.Item leftSection={<IconCircleCheck size={15} />} onClick={() => setChange('success')}>{t('success')}</Menu.Item>
              <Menu.Item leftSection={<IconCircleX size={15} />} onClick={() => setChange('failed')}>{t('failed')}</Menu.Item>
              <Menu.Item leftSection={<IconPlayerSkipForward size={15} />} onClick={() => setChange('skipped')}>{t('skipped')}</Menu.Item>
              {may('edit', 'dag') && <Menu.Divider />}
              {may('edit', 'dag') && <Menu.Item leftSection={<IconPower size={15} />} onClick={() => taskSwitch.set(taskSwitch.off === null)}>{taskSwitch.off === null ? t('Switch the task off') : t('Switch the task on')}</Menu.Item>}
            </Menu.Dropdown>
          </Menu>
        </>
      )}
      tabs={(
        <nav className="tabs" aria-label={t('Views')}>
          {tabs.map(([to, text]) => <Link key={text} to="/dags/$dagId/runs/$runId/tasks/$taskId" params={{ dagId, runId, taskId }} search={{ map: search.map, try: search.try, view: to }} activeProps={NOTHING} className={view === to ? 'tab active' : 'tab'} aria-current={view === to ? 'page' : undefined}>{text}</Link>)}
        </nav>
      )}
    >
      <Loaded query={page} rows={10}>
        {(shown) => (
          <div className="instance">
            {shown.instance !== null && !isOver(shown.instance.state) && <WhyInstance dagId={dagId} runId={runId} taskId={taskId} mapIndex={mapIndex} />}
            {shown.instance?.state === 'awaiting_input' && <OpenQuestion dagId={dagId} runId={runId} taskId={taskId} mapIndex={mapIndex} />}
            {shown.instance !== null && shown.instance.reason !== null && <p className={`banner ${shown.instance.state === 'failed' ? 'danger' : ''}`}>{shown.instance.reason}</p>}
            {view === 'mapped' ? <MappedList dagId={dagId} runId={runId} taskId={taskId} states={shown.mapped?.states ?? {}} />
              : view === 'fields' ? <Fields data={shown} />
              : view === 'xcoms' ? <XComs dagId={dagId} runId={runId} taskId={taskId} mapIndex={mapIndex} />
              : view === 'audit' ? <AuditList dagId={dagId} runId={runId} taskId={taskId} mapIndex={mapIndex} />
              : view === 'details' ? <Details dagId={dagId} runId={runId} taskId={taskId} data={shown} />
              : <Log dagId={dagId} runId={runId} taskId={taskId} mapIndex={mapIndex} data={shown} />}
          </div>
        )}
      </Loaded>
      {change !== null && <ChangeDialog target={{ dagId, runId, taskIds: [taskId], mapIndex }} to={change} close={() => setChange(null)} />}
    </Page>
  );
}

/** What the task asks is answered here as well as in the inbox. */
function OpenQuestion({ dagId, runId, taskId, mapIndex }: { readonly dagId: string; readonly runId: string; readonly taskId: string; readonly mapIndex: number }) {
  const asked = useQuery({
    queryKey: ['dag', dagId, 'run', runId, 'question', taskId, mapIndex],
    queryFn: ({ signal }) => get<Question>(path`/api/v2/dags/${dagId}/dagRuns/${runId}/taskInstances/${taskId}/${mapIndex}/hitlDetails`, undefined, signal),
    retry: false,
  });
  return asked.data === undefined ? null : <QuestionCard question={asked.data} withTask={false} />;
}

function Log({ dagId, runId, taskId, mapIndex, data }: { readonly dagId: string; readonly runId: string; readonly taskId: string; readonly mapIndex: number; readonly data: InstanceData }) {
  const t = useWords();
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const newest = data.tries.at(-1);
  const shown = data.tries.find((one) => one.try_number === search.try) ?? newest;
  if (shown === undefined) return <Empty title={t('It has not been tried yet')}><p>{t('The log begins with its first try.')}</p></Empty>;
  const isLive = shown === newest && data.instance !== null && ['running', 'queued', 'restarting', 'deferred', 'up_for_reschedule'].includes(data.instance.state ?? '');
  const change = (next: Partial<InstanceSearch>): void => void navigate({ search: (before) => ({ ...before, ...next }), replace: true });
  return (
    <>
      {data.tries.length > 1 && (
        <div className="tries" role="group" aria-label={t('Tries')}>
          {data.tries.map((one) => <TryChoice key={one.try_number} one={one} isShown={one === shown} pick={() => change({ try: one === newest ? undefined : one.try_number, line: undefined })} />)}
        </div>
      )}
      {shown !== newest && shown.reason !== null && <p className="banner">{shown.reason}</p>}
      <LogView name={{ dagId, runId, taskId, mapIndex, tryNumber: shown.try_number }} isLive={isLive} least={search.level ?? 'debug'} setLeast={(level) => change({ level: level === 'debug' ? undefined : level })} line={search.line} setLine={(line) => change({ line })} />
    </>
  );
}

function TryChoice({ one, isShown, pick }: { readonly one: TryFacts; readonly isShown: boolean; readonly pick: () => void }) {
  const t = useWords();
  return <button type="button" className={isShown ? 'on' : ''} aria-pressed={isShown} onClick={pick}><StateMark state={one.state === 'lost' ? 'failed' : one.state} plain />{t('Try {n}', { n: one.try_number })}{one.state === 'lost' && <em>{t('lost')}</em>}<span className="faint"><Took from={one.start_date} to={one.end_date} live={false} /></span></button>;
}

function Fields({ data }: { readonly data: InstanceData }) {
  const t = useWords();
  const rendered = Object.entries(data.instance?.rendered_fields ?? {});
  const written = Object.entries(data.task?.fields ?? {});
  if (rendered.length === 0 && written.length === 0) return <Empty title={t('This task has no fields')} />;
  const value = (one: unknown): ReactNode => (typeof one === 'string' ? <pre className="field" tabIndex={0}>{one}</pre> : <JsonView value={one} />);
  return (
    <>
      {rendered.length > 0 && <Card title={t('As they were for this try')}><Facts rows={rendered.map(([name, one]) => [name, value(one)] as const)} /></Card>}
      {written.length > 0 && <Card title={t('As they are written')}><Facts rows={written.map(([name, one]) => [name, value(one)] as const)} /></Card>}
    </>
  );
}

function Details({ dagId, runId, taskId, data }: { readonly dagId: string; readonly runId: string; readonly taskId: string; readonly data: InstanceData }) {
  const t = useWords();
  const { instance, task } = data;
  const neighbours = (list: InstanceData['upstream']): ReactNode => list.length === 0 ? <p className="faint">{t('none')}</p> : (
    <ul className="plain-list">{list.map((one) => <li key={one.task_id}><Link to="/dags/$dagId/runs/$runId/tasks/$taskId" params={{ dagId, runId, taskId: one.task_id }}>{one.task_id}</Link><StateMark state={one.state} plain /></li>)}</ul>
  );
  return (
    <div className="columns even">
      <div className="column-side">
        {instance !== null && (
          <Card title={t('Instance')}>
            <Facts rows={[
              [t('State'), <StateMark key="s" state={instance.state} />], [t('Try'), `${instance.try_number} / ${instance.max_tries + 1}`], [t('Scheduled'), <Instant key="sc" at={instance.scheduled_when} />], [t('Queued'), <Instant key="q" at={instance.queued_when} />],
              [t('Started'), <Instant key="st" at={instance.start_date} />], [t('Ended'), <Instant key="e" at={instance.end_date} />], [t('Waited'), <Took key="w" from={instance.queued_when} to={instance.start_date} live={false} />], [t('Ran'), <Took key="r" from={instance.start_date} to={instance.end_date} live={false} />],
              [t('Worker'), instance.hostname], [t('Queue'), instance.queue], [t('Pool'), `${instance.pool} (${instance.pool_slots})`], [t('Priority'), instance.priority_weight],
            ]} />
          </Card>
        )}
        {data.tries.length > 0 && (
          <Card title={t('Tries')} flush>
            <table className="table">
              <thead><tr><th>{t('Try')}</th><th>{t('State')}</th><th>{t('Started')}</th><th className="right">{t('Ran')}</th><th>{t('Reason')}</th></tr></thead>
              <tbody>{data.tries.map((one) => <tr key={one.try_number}><td className="num">{one.try_number}</td><td><StateMark state={one.state === 'lost' ? 'failed' : one.state} plain /></td><td><Instant at={one.start_date} /></td><td className="right"><Took from={one.start_date} to={one.end_date} live={false} /></td><td className="soft">{one.reason}</td></tr>)}</tbody>
            </table>
          </Card>
        )}
      </div>
      <div className="column-side">
        {instance !== null && <Card title={t('Note')}><NoteField key={instance.id} note={instance.note} address={path`/api/v2/dags/${dagId}/dagRuns/${runId}/taskInstances/${taskId}` + (instance.map_index < 0 ? '' : `/${instance.map_index}`)} refresh={['dag', dagId]} /></Card>}
        {instance !== null && <Links dagId={dagId} runId={runId} taskId={taskId} mapIndex={instance.map_index} />}
        {instance !== null && <ExternalWork dagId={dagId} runId={runId} taskId={taskId} mapIndex={instance.map_index} />}
        <KeptState dagId={dagId} taskId={taskId} />
        <Card title={t('Comes after')}>{neighbours(data.upstream)}</Card>
        <Card title={t('Comes before')}>{neighbours(data.downstream)}</Card>
        {task !== null && (
          <Card title={t('Task')}>
            <Facts rows={[
              [t('Operator'), task.operator], [t('Trigger rule'), task.rule.replaceAll('_', ' ')], [t('Retries'), `${task.retries} · ${duration(task.retry_delay_seconds)}`], [t('Time-out'), task.timeout_seconds === null ? null : duration(task.timeout_seconds)],
              [t('Owner'), task.owner], [t('Group'), task.group], [t('Written in'), task.defined_at],
            ]} />
            {task.doc !== null && <Markdown text={task.doc} />}
          </Card>
        )}
      </div>
    </div>
  );
}
