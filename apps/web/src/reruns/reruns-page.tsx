import { Button } from '@mantine/core';
import { IconArrowLeft, IconPlayerPlay, IconPlayerStop, IconRepeat } from '@tabler/icons-react';
import { keepPreviousData, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, getRouteApi } from '@tanstack/react-router';
import { useState } from 'react';
import { PAGE_SIZE, PagesOf } from '../chrome/pages-of.js';
import { Card, Facts } from '../chrome/page.js';
import { useRowKeys } from '../chrome/shortcuts.js';
import { Empty, Loaded, tellDone, tellFailed } from '../feedback/feedback.js';
import { get, path, send } from '../rest/client.js';
import { useMay } from '../session/session.js';
import { Ago, Instant } from '../time/instant.js';
import { useWords } from '../words/words.js';
import { RerunDialog } from './rerun-dialog.js';
import type { RerunDraft, RerunItem, RerunPlan } from './rerun-shapes.js';

export interface RerunsSearch {
  readonly id?: string | undefined;
  readonly page?: number | undefined;
  /** Runs a new plan is made of. */
  readonly plan?: readonly string[] | undefined;
}

const route = getRouteApi('/shell/dags/$dagId/reruns');

/** Plans that run many again: drafts to be looked at, and how far those are that were applied. */
export function RerunsPage() {
  const { dagId } = route.useParams();
  const search = route.useSearch();
  const navigate = route.useNavigate();
  return (
    <>
      {search.id === undefined ? <Plans dagId={dagId} /> : <Plan key={search.id} dagId={dagId} id={search.id} />}
      {search.plan !== undefined && <RerunDialog dagId={dagId} runIds={search.plan} close={() => void navigate({ search: (before) => ({ ...before, plan: undefined }), replace: true })} />}
    </>
  );
}

function Plans({ dagId }: { readonly dagId: string }) {
  const t = useWords();
  const may = useMay();
  useRowKeys();
  const { page = 1 } = route.useSearch();
  const navigate = route.useNavigate();
  const [isPlanning, setPlanning] = useState(false);
  const plans = useQuery({ queryKey: ['dag', dagId, 'reruns', page], queryFn: ({ signal }) => get<{ reruns: RerunPlan[]; total_entries: number }>(path`/api/millrace/v1/dags/${dagId}/reruns`, { limit: PAGE_SIZE, offset: (page - 1) * PAGE_SIZE }, signal), placeholderData: keepPreviousData });
  return (
    <>
      {may('edit', 'dag_run') && <div className="filters"><span className="spacer" /><Button leftSection={<IconRepeat size={14} />} onClick={() => setPlanning(true)}>{t('New plan')}</Button></div>}
      <Loaded query={plans}>
        {(data) => data.reruns.length === 0 ? (
          <Empty title={t('No re-run has been planned yet')} icon={<IconRepeat />}><p>{t('A plan chooses runs and tasks, shows what would run again, and applies it a few runs at a time.')}</p></Empty>
        ) : (
          <div className="card flush">
            <table className="table">
              <thead><tr><th>{t('Plan')}</th><th>{t('State')}</th><th style={{ width: '26%' }}>{t('Progress')}</th><th className="right wide-only">{t('Task instances')}</th><th className="wide-only">{t('By')}</th><th className="wide-only">{t('Created')}</th></tr></thead>
              <tbody>
                {data.reruns.map((one) => (
                  <tr key={one.id} data-row>
                    <td><Link to="/dags/$dagId/reruns" params={{ dagId }} search={{ id: one.id }}>{wordsOf(one, t)}</Link>{one.note !== null && <span className="faint"> “{one.note}”</span>}</td>
                    <td><PlanState plan={one} /></td><td><PlanProgress plan={one} /></td><td className="right num wide-only">{one.task_instances}</td><td className="soft wide-only">{one.created_by}</td><td className="wide-only"><Ago at={one.created_at} /></td>
                  </tr>
                ))}
              </tbody>
            </table>
            <PagesOf total={data.total_entries} page={page} setPage={(next) => void navigate({ search: { page: next === 1 ? undefined : next }, replace: true })} />
          </div>
        )}
      </Loaded>
      {isPlanning && <RerunDialog dagId={dagId} runIds={[]} close={() => setPlanning(false)} />}
    </>
  );
}

function Plan({ dagId, id }: { readonly dagId: string; readonly id: string }) {
  const t = useWords();
  const may = useMay();
  const client = useQueryClient();
  const [page, setPage] = useState(1);
  const at = path`/api/millrace/v1/dags/${dagId}/reruns/${id}`;
  const plan = useQuery({ queryKey: ['dag', dagId, 'reruns', 'one', id], queryFn: ({ signal }) => get<RerunPlan>(at, undefined, signal), refetchInterval: (query) => (query.state.data?.state === 'applying' ? 2_000 : false) });
  const items = useQuery({ queryKey: ['dag', dagId, 'reruns', 'items', id, page], queryFn: ({ signal }) => get<{ items: RerunItem[]; total_entries: number }>(`${at}/items`, { limit: PAGE_SIZE, offset: (page - 1) * PAGE_SIZE }, signal), placeholderData: keepPreviousData, refetchInterval: plan.data?.state === 'applying' ? 2_000 : false });
  // Told once, when the plan was made.
  const leftOut = client.getQueryData<Pick<RerunDraft, 'left_out' | 'left_out_total'>>(['dag', dagId, 'rerun-left-out', id]);
  const act = useMutation({
    mutationFn: (what: 'apply' | 'cancel') => send('POST', `${at}/${what}`, {}),
    onSuccess: (_, what) => tellDone(what === 'apply' ? t('The plan is being applied') : t('The plan is cancelled; what is in line already runs')),
    onError: tellFailed,
    onSettled: () => client.invalidateQueries({ queryKey: ['dag', dagId] }),
  });
  return (
    <>
      <div className="filters"><Link to="/dags/$dagId/reruns" params={{ dagId }} search={{}} className="link lamp-line"><IconArrowLeft size={14} aria-hidden="true" />{t('All plans')}</Link></div>
      <Loaded query={plan}>
        {(data) => (
          <>
            <div className={data.state === 'draft' ? 'why' : 'card plan-head'}>
              <div className="spread">
                <div>
                  <strong>{t('{runs} runs, {instances} task instances', { runs: data.runs, instances: data.task_instances })}</strong>
                  <p className="soft">{data.state === 'draft' ? (data.runs === 0 ? t('Nothing fits what was asked for.') : t('A draft: nothing has been changed. Look below, then apply it.')) : wordsOf(data, t)}</p>
                </div>
                <span className="page-actions">
                  {data.state !== 'draft' && <PlanState plan={data} />}
                  {may('edit', 'dag_run') && data.state === 'draft' && data.runs > 0 && <Button leftSection={<IconPlayerPlay size={14} />} loading={act.isPending} onClick={() => act.mutate('apply')}>{t('Run {n} again', { n: data.task_instances })}</Button>}
                  {may('edit', 'dag_run') && data.ended_at === null && <Button variant="default" leftSection={<IconPlayerStop size={14} />} loading={act.isPending} onClick={() => act.mutate('cancel')}>{data.state === 'draft' ? t('Discard') : t('Cancel')}</Button>}
                </span>
              </div>
            </div>
            {data.state !== 'draft' && <div className="plan-progress"><PlanProgress plan={data} /></div>}
            {leftOut !== undefined && leftOut.left_out_total > 0 && (
              <div className="banner" role="note"><strong>{t('{n} runs are left out', { n: leftOut.left_out_total })}</strong>{leftOut.left_out.map((one) => `\n${one.dag_run_id}: ${one.why}`).join('')}</div>
            )}
            <div className="columns">
              <Loaded query={items}>
                {(list) => (
                  <div className="card flush">
                    <table className="table">
                      <thead><tr><th className="right">{t('Place')}</th><th>{t('Run')}</th><th className="wide-only">{t('Logical date')}</th><th className="right">{t('Task instances')}</th><th>{t('State')}</th></tr></thead>
                      <tbody>
                        {list.items.map((one) => (
                          <tr key={one.place}>
                            <td className="right num">{one.place + 1}</td><td className="clip-cell narrow"><Link to="/dags/$dagId/runs/$runId" params={{ dagId, runId: one.dag_run_id }}>{one.dag_run_id}</Link>{one.partition_key !== null && <span className="tag after">{one.partition_key}</span>}</td>
                            <td className="wide-only"><Instant at={one.logical_date} parts="minute" /></td><td className="right num">{one.task_instances}</td><td className="nowrap"><span className={one.state === 'failed' ? 'pill warn' : one.state === 'done' ? 'pill on' : 'pill'}>{t(one.state)}</span>{one.outcome !== null && <span className="soft small"> {one.outcome}</span>}</td>
                          </tr>
                        ))}
                      </tbody>
                    </table>
                    <PagesOf total={list.total_entries} page={page} setPage={setPage} />
                  </div>
                )}
              </Loaded>
              <Card title={t('What was asked for')}>
                <Facts rows={[
                  [t('Runs'), data.request.run_ids == null ? null : t('{n} chosen', { n: data.request.run_ids.length })], [t('Logical date from'), <Instant key="f" at={data.request.from_date} />], [t('To'), <Instant key="t" at={data.request.to_date} />], [t('Runs that are'), data.request.run_states?.map((state) => t(state)).join(', ')],
                  [t('Tasks'), data.request.task_ids == null ? t('All tasks') : data.request.task_ids.join(', ')], [t('Also'), [data.request.include_upstream ? t('Upstream') : '', data.request.include_downstream ? t('Downstream') : ''].filter((text) => text !== '').join(', ')], [t('Only failed'), data.request.only_failed ? t('yes') : t('no')],
                  [t('Order'), data.request.order === 'newest_first' ? t('Newest first') : t('Oldest first')], [t('Runs at a time'), data.request.max_active_runs ?? t('as the dag allows')], [t('Dag version'), data.request.version === 'latest' ? t('The newest version') : t('The version each run had')],
                  [t('Note'), data.note], [t('Created'), <span key="c">{data.created_by}, <Ago at={data.created_at} /></span>], [t('Applied'), data.applied_at === null ? null : <span key="a">{data.applied_by}, <Ago at={data.applied_at} /></span>], [t('Ended'), <Instant key="e" at={data.ended_at} />],
                ]} />
              </Card>
            </div>
          </>
        )}
      </Loaded>
    </>
  );
}

function PlanState({ plan }: { readonly plan: RerunPlan }) {
  const t = useWords();
  return <span className={plan.state === 'draft' ? 'pill warn' : plan.ended_at === null ? 'pill on' : 'pill'}>{t(plan.state)}</span>;
}

function PlanProgress({ plan }: { readonly plan: RerunPlan }) {
  const t = useWords();
  if (plan.state === 'draft') return <span className="soft">{t('{n} runs', { n: plan.runs })}</span>;
  const settled = plan.progress.done + plan.progress.failed + plan.progress.cancelled;
  return <span className="progress"><progress max={Math.max(1, plan.runs)} value={settled} aria-label={t('Progress')} /><span className="num soft small">{settled} / {plan.runs}{plan.progress.failed > 0 && `, ${t('{n} refused', { n: plan.progress.failed })}`}</span></span>;
}

/** A plan has no name: what it asks for is its name. */
function wordsOf(plan: RerunPlan, t: ReturnType<typeof useWords>): string {
  const { request } = plan;
  const runs = request.run_ids == null ? (request.run_states == null ? t('all runs') : t('runs that are {states}', { states: request.run_states.map((state) => t(state)).join(', ') })) : t('{n} chosen runs', { n: request.run_ids.length });
  return `${runs} · ${request.task_ids == null ? t('All tasks') : request.task_ids.slice(0, 3).join(', ')}${request.only_failed ? ` · ${t('Only what failed')}` : ''}`;
}
