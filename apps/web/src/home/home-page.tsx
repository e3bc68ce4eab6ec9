import { SegmentedControl } from '@mantine/core';
import { IconAlertTriangle, IconCircleCheck, IconClockExclamation, IconHourglass, IconXboxX } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link, getRouteApi } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { Card, Page } from '../chrome/page.js';
import { useRowKeys } from '../chrome/shortcuts.js';
import { Loaded } from '../feedback/feedback.js';
import { StateBar, StateDot, StateMark } from '../look/state-mark.js';
import { get } from '../rest/client.js';
import type { AttentionRun, Home } from '../rest/shapes.js';
import { Ago, Took } from '../time/instant.js';
import { useWords } from '../words/words.js';
import { ActivityChart } from './activity-chart.js';

const route = getRouteApi('/shell/');
const SHOWN = 7;

/** What needs a look, what runs, and what happened lately. */
export function HomePage() {
  const t = useWords();
  const { hours = 24 } = route.useSearch();
  const navigate = route.useNavigate();
  useRowKeys();
  const home = useQuery({ queryKey: ['home', hours], queryFn: ({ signal }) => get<Home>('/api/millrace/v1/ui/home', { hours }, signal), placeholderData: (before) => before });
  return (
    <Page
      title={t('Home')}
      actions={<SegmentedControl aria-label={t('Time span')} value={String(hours)} onChange={(value) => void navigate({ search: value === '24' ? {} : { hours: Number(value) }, replace: true })} data={[{ value: '6', label: t('6 hours') }, { value: '24', label: t('24 hours') }, { value: '168', label: t('7 days') }]} />}
    >
      <Loaded query={home} rows={12}>{(data) => <Overview home={data} hours={hours} />}</Loaded>
    </Page>
  );
}

function Overview({ home, hours }: { readonly home: Home; readonly hours: number }) {
  const t = useWords();
  const sum = (state: string): number => home.runs_by_hour.reduce((all, one) => all + (one.state === state ? one.runs : 0), 0);
  const done = sum('success');
  const failed = sum('failed');
  const attention = home.failed_runs.length + home.late_dags.length + home.waiting.length + home.import_errors.length;
  const broken = home.services.filter((service) => !service.alive);
  const rate = done + failed === 0 ? null : Math.round((1_000 * done) / (done + failed)) / 10;
  return (
    <>
      <div className="tiles">
        <Tile name={t('Running')} value={home.active_runs.length} to="/runs" search={{ state: 'running' }} mark={<StateDot state="running" />} note={home.workers.slots > 0 ? t('{busy} of {slots} slots busy', { busy: home.workers.slots - home.workers.free_slots, slots: home.workers.slots }) : t('no worker is here')} />
        <Tile name={t('Failed runs')} value={failed} to="/runs" search={{ state: 'failed' }} mark={<StateDot state="failed" />} note={rate === null ? t('no run has ended') : t('{rate} % succeeded', { rate })} alarming={failed > 0} />
        <Tile name={t('Succeeded runs')} value={done} to="/runs" search={{ state: 'success' }} mark={<StateDot state="success" />} note={hours === 24 ? t('in 24 hours') : t('in {n} hours', { n: hours })} />
        <Tile name={t('Dags')} value={home.dags.total} to="/dags" mark={<StateDot state="none" />} note={t('{n} paused', { n: home.dags.paused })} />
      </div>
      <div className="columns">
        <div className="column-main">
          <Card title={t('Needs attention')} aside={attention === 0 && broken.length === 0 ? null : <span className="count">{attention + broken.length}</span>} flush>
            {attention === 0 && broken.length === 0 && <p className="all-well"><IconCircleCheck size={18} aria-hidden="true" />{t('Nothing. All is well.')}</p>}
            {broken.map((service) => (
              <Item key={service.kind} icon={<IconAlertTriangle size={16} />} tone="danger" title={<Link to="/services">{t('{service} is not running', { service: service.kind })}</Link>} side={service.last_beat_at === null ? t('never seen') : <Ago at={service.last_beat_at} />}>
                {t('Runs wait until it is back.')}
              </Item>
            ))}
            {home.import_errors.map((error) => (
              <Item key={error.id} icon={<IconAlertTriangle size={16} />} tone="warn" title={<Link to="/import-errors" hash={String(error.id)}>{error.fileloc}{error.line === null ? '' : `:${error.line}`}</Link>} side={<Ago at={error.created_at} />}>
                <span className="mono">{error.message.split('\n')[0]}</span>
              </Item>
            ))}
            {home.failed_runs.map((run) => <FailedRun key={`${run.dag_id} ${run.run_id}`} run={run} />)}
            {home.late_dags.map((dag) => (
              <Item key={dag.dag_id} icon={<IconClockExclamation size={16} />} tone="warn" title={<Link to="/dags/$dagId" params={{ dagId: dag.dag_id }}>{dag.display_name}</Link>} side={<Ago at={dag.next_run_after} />}>
                {t('Its scheduled run has not started.')}
              </Item>
            ))}
            {home.waiting.map((one) => (
              <Item
                key={`${one.dag_id} ${one.run_id} ${one.task_id} ${one.map_index}`} icon={<IconHourglass size={16} />} tone="info" side={<Ago at={one.since} />}
                title={<Link to="/dags/$dagId/runs/$runId/tasks/$taskId" params={{ dagId: one.dag_id, runId: one.run_id, taskId: one.task_id }} search={one.map_index < 0 ? {} : { map: one.map_index }}>{one.dag_id} / {one.task_id}</Link>}
              >
                {one.state === 'awaiting_input' ? t('Waits for an answer of a person.') : one.reason ?? t('Waits in queue {queue}, pool {pool}.', { queue: one.queue, pool: one.pool })}
              </Item>
            ))}
          </Card>
          <Card title={t('Runs over time')}><ActivityChart runs={home.runs_by_hour} hours={hours} /></Card>
        </div>
        <div className="column-side">
          <Card title={t('Running now')} aside={<Link to="/runs" search={{ state: 'running' }}>{t('All')}</Link>} flush>
            {home.active_runs.length === 0 && <p className="card-none">{t('Nothing runs.')}</p>}
            {home.active_runs.slice(0, SHOWN).map((run) => (
              <div key={`${run.dag_id} ${run.run_id}`} className="running" data-row>
                <div className="running-head">
                  <StateDot state={run.state} />
                  <Link to="/dags/$dagId/runs/$runId" params={{ dagId: run.dag_id, runId: run.run_id }} className="clip">{run.display_name}</Link>
                  <span className="soft">{run.state === 'queued' ? t('queued') : <Took from={run.start_date} to={null} />}</span>
                </div>
                <progress max={Math.max(run.tasks, 1)} value={run.done} aria-label={t('{done} of {all} tasks done', { done: run.done, all: run.tasks })} />
                <span className="faint small">{run.tasks === 0 ? t('has not started') : t('{done} of {all} tasks done', { done: run.done, all: run.tasks })}</span>
              </div>
            ))}
          </Card>
          <Card title={t('Services')} aside={<Link to="/services">{t('All')}</Link>} flush>
            {home.services.map((service) => (
              <div key={service.kind} className="service-line">
                <i className={service.alive ? 'lamp on' : 'lamp off'} aria-hidden="true" />
                <span>{service.kind}</span>
                <span className="soft">{service.alive ? t('healthy') : t('not running')}</span>
              </div>
            ))}
            <div className="service-line">
              <i className={home.workers.count > 0 ? 'lamp on' : 'lamp off'} aria-hidden="true" />
              <span>{t('workers')}</span>
              <span className="soft">{t('{n} with {free} of {slots} slots free', { n: home.workers.count, free: home.workers.free_slots, slots: home.workers.slots })}</span>
            </div>
          </Card>
          {Object.keys(home.instances).length > 0 && (
            <Card title={t('Open task instances')}>
              <StateBar states={home.instances} width="100%" />
              <ul className="legend">{Object.entries(home.instances).map(([state, count]) => <li key={state}><StateMark state={state} plain /><span className="num">{count}</span></li>)}</ul>
            </Card>
          )}
        </div>
      </div>
    </>
  );
}

function FailedRun({ run }: { readonly run: AttentionRun }) {
  const t = useWords();
  return (
    <Item icon={<IconXboxX size={16} />} tone="danger" title={<Link to="/dags/$dagId/runs/$runId" params={{ dagId: run.dag_id, runId: run.run_id }}>{run.display_name}</Link>} side={<Ago at={run.end_date ?? run.run_after} />}>
      {run.failed_tasks.length > 0 ? (
        <>
          {t('failed in')}{' '}
          {run.failed_tasks.map((task, index) => <span key={task}>{index > 0 && ', '}<Link className="mono" to="/dags/$dagId/runs/$runId/tasks/$taskId" params={{ dagId: run.dag_id, runId: run.run_id, taskId: task }}>{task}</Link></span>)}
        </>
      ) : run.reason ?? t('failed')}
    </Item>
  );
}

function Item({ icon, tone, title, side, children }: { readonly icon: ReactNode; readonly tone: 'danger' | 'warn' | 'info'; readonly title: ReactNode; readonly side: ReactNode; readonly children: ReactNode }) {
  return (
    <div className={`item ${tone}`} data-row>
      <span className="item-icon" aria-hidden="true">{icon}</span>
      <div className="item-text"><strong className="clip">{title}</strong><span className="soft clip">{children}</span></div>
      <span className="item-side soft">{side}</span>
    </div>
  );
}

function Tile({ name, value, note, to, search, mark, alarming = false }: { readonly name: string; readonly value: number; readonly note: string; readonly to: '/runs' | '/dags'; readonly search?: { state: string }; readonly mark: ReactNode; readonly alarming?: boolean }) {
  return (
    <Link to={to} search={(search ?? {}) as never} className={alarming ? 'tile alarming' : 'tile'}>
      <span className="tile-name">{mark}{name}</span>
      <span className="tile-value num">{value.toLocaleString('en')}</span>
      <span className="tile-note">{note}</span>
    </Link>
  );
}
