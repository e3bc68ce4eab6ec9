import { ActionIcon, Button, Menu, Switch, Tooltip } from '@mantine/core';
import { IconAlertTriangle, IconCalendarTime, IconChevronDown, IconPlayerPlay, IconRepeat, IconStar, IconStarFilled } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link, Outlet, getRouteApi } from '@tanstack/react-router';
import { useState } from 'react';
import { Page } from '../chrome/page.js';
import { BackfillDialog } from '../dags/backfill-dialog.js';
import { useFavorite, useIsFavorite, useIsPaused, usePause } from '../dags/actions.js';
import { TriggerDialog } from '../dags/trigger-dialog.js';
import { Failure } from '../feedback/feedback.js';
import { RerunDialog } from '../reruns/rerun-dialog.js';
import { useMay } from '../session/session.js';
import { Ago } from '../time/instant.js';
import { useWords } from '../words/words.js';
import { HoldBanner } from './hold-banner.js';
import { detailsQuery } from './queries.js';

const route = getRouteApi('/shell/dags/$dagId');

/** One dag: its head and the views of it. */
export function DagLayout() {
  const t = useWords();
  const { dagId } = route.useParams();
  const may = useMay();
  const details = useQuery(detailsQuery(dagId));
  const pause = usePause();
  const favorite = useFavorite();
  const [dialog, setDialog] = useState<'trigger' | 'backfill' | 'rerun' | null>(null);
  const dag = details.data;
  const isPaused = useIsPaused(dagId, dag?.is_paused ?? false);
  const isFavorite = useIsFavorite(dagId, dag?.is_favorite ?? false);
  if (details.isError && dag === undefined) return <Page title={dagId} crumbs={[{ text: t('Dags'), to: '/dags' }]}><Failure error={details.error} again={() => void details.refetch()} /></Page>;
  return (
    <Page
      wide
      title={dag?.dag_display_name ?? dagId}
      crumbs={[{ text: t('Dags'), to: '/dags' }]}
      marks={dag !== undefined && (
        <>
          <Tooltip label={may('edit', 'dag') ? (isPaused ? t('Paused: nothing new starts') : t('Active: runs start by its schedule')) : t('You may not change this')}>
            <span><Switch checked={!isPaused} disabled={!may('edit', 'dag')} label={isPaused ? t('Paused') : t('Active')} onChange={(event) => pause(dagId, !event.currentTarget.checked)} /></span>
          </Tooltip>
          <ActionIcon className={isFavorite ? 'favorite on' : 'favorite'} aria-label={t('Favourite')} aria-pressed={isFavorite} onClick={() => favorite(dagId, !isFavorite)}>{isFavorite ? <IconStarFilled size={15} /> : <IconStar size={15} />}</ActionIcon>
          {dag.timetable_summary !== null && <Tooltip label={dag.timetable_description ?? ''} disabled={!dag.timetable_description}><span className="pill mono">{dag.timetable_summary}</span></Tooltip>}
          {dag.next_dagrun_run_after !== null && !isPaused && <span className="soft small">{t('next run')} <Ago at={dag.next_dagrun_run_after} /></span>}
          {dag.has_import_errors && <Link to="/import-errors" className="pill warn"><IconAlertTriangle size={13} aria-hidden="true" />{t('Import error')}</Link>}
          {dag.is_stale && <span className="pill">{t('no longer in its file')}</span>}
        </>
      )}
      actions={(
        <>
          {may('create', 'dag_run') && <Button leftSection={<IconPlayerPlay size={14} />} onClick={() => setDialog('trigger')}>{t('Trigger')}</Button>}
          {may('create', 'backfill') && (
            <Menu>
              <Menu.Target><Button variant="default" rightSection={<IconChevronDown size={13} />}>{t('More')}</Button></Menu.Target>
              <Menu.Dropdown>
                <Menu.Item leftSection={<IconCalendarTime size={15} />} onClick={() => setDialog('backfill')}>{t('Backfill…')}</Menu.Item>
                {may('edit', 'dag_run') && <Menu.Item leftSection={<IconRepeat size={15} />} onClick={() => setDialog('rerun')}>{t('Re-run many…')}</Menu.Item>}
              </Menu.Dropdown>
            </Menu>
          )}
        </>
      )}
      tabs={<Tabs dagId={dagId} isPartitioned={/partition/i.test(dag?.timetable_summary ?? '') && dag?.asset_expression != null} />}
    >
      <HoldBanner dagId={dagId} />
      <Outlet />
      {dialog === 'trigger' && <TriggerDialog dagId={dagId} close={() => setDialog(null)} />}
      {dialog === 'rerun' && <RerunDialog dagId={dagId} runIds={[]} close={() => setDialog(null)} />}
      {dialog === 'backfill' && <BackfillDialog dagId={dagId} close={() => setDialog(null)} />}
    </Page>
  );
}

function Tabs({ dagId, isPartitioned }: { readonly dagId: string; readonly isPartitioned: boolean }) {
  const t = useWords();
  const tabs = [
    ['/dags/$dagId', t('Grid')], ['/dags/$dagId/graph', t('Graph')], ['/dags/$dagId/runs', t('Runs')], ['/dags/$dagId/durations', t('Durations')], ['/dags/$dagId/calendar', t('Calendar')],
    ...(isPartitioned ? ([['/dags/$dagId/partitions', t('Partitions')]] as const) : []), ['/dags/$dagId/backfills', t('Backfills')], ['/dags/$dagId/reruns', t('Re-runs')], ['/dags/$dagId/code', t('Code')], ['/dags/$dagId/details', t('Details')], ['/dags/$dagId/audit', t('Audit log')],
  ] as const;
  return (
    <nav className="tabs" aria-label={t('Views')}>
      {tabs.map(([to, text]) => (
        <Link key={to} to={to} params={{ dagId }} className="tab" activeProps={{ className: 'tab active', 'aria-current': 'page' }} activeOptions={{ exact: to === '/dags/$dagId' || to === '/dags/$dagId/runs', includeSearch: false }}>{text}</Link>
      ))}
    </nav>
  );
}
