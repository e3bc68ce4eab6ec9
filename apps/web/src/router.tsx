import { createRootRoute, createRoute, createRouter, getRouteApi, lazyRouteComponent } from '@tanstack/react-router';
import { IconMoodEmpty } from '@tabler/icons-react';
import { Page } from './chrome/page.js';
import { Shell } from './chrome/shell.js';
import { DagsPage } from './dags/dags-page.js';
import type { DagsSearch } from './dags/dags-page.js';
import type { CodeSearch } from './dag/code-page.js';
import { DagLayout } from './dag/dag-layout.js';
import { GridPage } from './dag/grid-page.js';
import type { GridSearch } from './dag/grid-page.js';
import { Failure, Notice } from './feedback/feedback.js';
import { HomePage } from './home/home-page.js';
import type { AssetsSearch } from './assets/assets-page.js';
import type { InstanceSearch } from './instance/instance-page.js';
import type { PartitionsSearch } from './partitions/partitions-page.js';
import type { RerunsSearch } from './reruns/reruns-page.js';
import type { RunSearch } from './run/run-page.js';
import type { InstancesSearch } from './runs/instances-page.js';
import { RunsList } from './runs/runs-list.js';
import type { RunsSearch } from './runs/runs-list.js';
import { AuditList } from './runs/audit-list.js';
import { BackfillList } from './runs/backfill-list.js';
import { useWords } from './words/words.js';

const root = createRootRoute({ notFoundComponent: NotFound, errorComponent: ({ error }) => <Page title="Millrace"><Failure error={error} again={() => location.reload()} /></Page> });
const shell = createRoute({ getParentRoute: () => root, id: 'shell', component: Shell });

const home = createRoute({ getParentRoute: () => shell, path: '/', component: HomePage, validateSearch: (search): { hours?: number | undefined } => ({ hours: number(search['hours']) }) });
const dags = createRoute({
  getParentRoute: () => shell, path: '/dags', component: DagsPage,
  validateSearch: (search): DagsSearch => ({ q: text(search['q']), tags: texts(search['tags']), owners: texts(search['owners']), show: text(search['show']) as DagsSearch['show'], order: text(search['order']) as DagsSearch['order'] }),
});
const runs = createRoute({ getParentRoute: () => shell, path: '/runs', component: AllRuns, validateSearch: runsSearch });
const instances = createRoute({
  getParentRoute: () => shell, path: '/instances', component: lazyRouteComponent(() => import('./runs/instances-page.js'), 'InstancesPage'),
  validateSearch: (search): InstancesSearch => ({ q: text(search['q']), dag: text(search['dag']), state: text(search['state']), page: number(search['page']) }),
});
const backfills = createRoute({ getParentRoute: () => shell, path: '/backfills', component: AllBackfills });
const audit = createRoute({ getParentRoute: () => shell, path: '/audit', component: WholeAudit });
const inbox = createRoute({ getParentRoute: () => shell, path: '/inbox', component: lazyRouteComponent(() => import('./inbox/inbox-page.js'), 'InboxPage') });
const assets = createRoute({
  getParentRoute: () => shell, path: '/assets', component: lazyRouteComponent(() => import('./assets/assets-page.js'), 'AssetsPage'),
  validateSearch: (search): AssetsSearch => ({ q: text(search['q']), view: text(search['view']) as AssetsSearch['view'], page: number(search['page']) }),
});
const asset = createRoute({ getParentRoute: () => shell, path: '/assets/$assetId', component: lazyRouteComponent(() => import('./assets/assets-page.js'), 'AssetPage') });
const pools = createRoute({ getParentRoute: () => shell, path: '/pools', component: lazyRouteComponent(() => import('./settings/pages.js'), 'PoolsPage') });
const variables = createRoute({ getParentRoute: () => shell, path: '/variables', component: lazyRouteComponent(() => import('./settings/pages.js'), 'VariablesPage') });
const connections = createRoute({ getParentRoute: () => shell, path: '/connections', component: lazyRouteComponent(() => import('./settings/pages.js'), 'ConnectionsPage') });
const importErrors = createRoute({ getParentRoute: () => shell, path: '/import-errors', component: lazyRouteComponent(() => import('./settings/import-errors-page.js'), 'ImportErrorsPage') });
const services = createRoute({ getParentRoute: () => shell, path: '/services', component: lazyRouteComponent(() => import('./services/services-page.js'), 'ServicesPage') });
const plugins = createRoute({ getParentRoute: () => shell, path: '/plugins', component: lazyRouteComponent(() => import('./settings/plugins-page.js'), 'PluginsPage') });
const users = createRoute({ getParentRoute: () => shell, path: '/users', component: lazyRouteComponent(() => import('./settings/users-page.js'), 'UsersPage') });
const configuration = createRoute({ getParentRoute: () => shell, path: '/configuration', component: lazyRouteComponent(() => import('./settings/configuration-page.js'), 'ConfigurationPage') });

const nowhere = createRoute({ getParentRoute: () => shell, path: '$', component: NotFound });
const dag = createRoute({ getParentRoute: () => shell, path: '/dags/$dagId', component: DagLayout });
const grid = createRoute({
  getParentRoute: () => dag, path: '/', component: GridPage,
  validateSearch: (search): GridSearch => ({ task: text(search['task']), state: text(search['state']), type: text(search['type']), folded: texts(search['folded']) }),
});
const graph = createRoute({ getParentRoute: () => dag, path: 'graph', component: lazyRouteComponent(() => import('./dag/graph-page.js'), 'GraphPage'), validateSearch: (search): { run?: string | undefined } => ({ run: text(search['run']) }) });
const dagRuns = createRoute({ getParentRoute: () => dag, path: 'runs', component: RunsOfDag, validateSearch: runsSearch });
const durations = createRoute({ getParentRoute: () => dag, path: 'durations', component: lazyRouteComponent(() => import('./dag/durations-page.js'), 'DurationsPage'), validateSearch: (search): { runs?: number | undefined } => ({ runs: number(search['runs']) }) });
const calendar = createRoute({ getParentRoute: () => dag, path: 'calendar', component: lazyRouteComponent(() => import('./dag/calendar-page.js'), 'CalendarPage'), validateSearch: (search): { year?: number | undefined } => ({ year: number(search['year']) }) });
const dagBackfills = createRoute({ getParentRoute: () => dag, path: 'backfills', component: BackfillsOfDag });
const partitions = createRoute({
  getParentRoute: () => dag, path: 'partitions', component: lazyRouteComponent(() => import('./partitions/partitions-page.js'), 'PartitionsPage'),
  validateSearch: (search): PartitionsSearch => ({ q: text(search['q']), open: typeof search['open'] === 'boolean' ? search['open'] : undefined, page: number(search['page']) }),
});
const reruns = createRoute({
  getParentRoute: () => dag, path: 'reruns', component: lazyRouteComponent(() => import('./reruns/reruns-page.js'), 'RerunsPage'),
  validateSearch: (search): RerunsSearch => ({ id: text(search['id']), page: number(search['page']), plan: texts(search['plan']) }),
});
const code = createRoute({
  getParentRoute: () => dag, path: 'code', component: lazyRouteComponent(() => import('./dag/code-page.js'), 'CodePage'),
  validateSearch: (search): CodeSearch => ({ version: number(search['version']), with: number(search['with']), show: search['show'] === 'graph' ? 'graph' : undefined }),
});
const details = createRoute({ getParentRoute: () => dag, path: 'details', component: lazyRouteComponent(() => import('./dag/details-page.js'), 'DetailsPage') });
const dagAudit = createRoute({ getParentRoute: () => dag, path: 'audit', component: AuditOfDag });

const run = createRoute({
  getParentRoute: () => shell, path: '/dags/$dagId/runs/$runId', component: lazyRouteComponent(() => import('./run/run-page.js'), 'RunPage'),
  validateSearch: (search): RunSearch => ({ view: text(search['view']) as RunSearch['view'], q: text(search['q']), state: text(search['state']) }),
});
const instance = createRoute({
  getParentRoute: () => shell, path: '/dags/$dagId/runs/$runId/tasks/$taskId', component: lazyRouteComponent(() => import('./instance/instance-page.js'), 'InstancePage'),
  validateSearch: (search): InstanceSearch => ({ map: number(search['map']), try: number(search['try']), view: text(search['view']) as InstanceSearch['view'], level: text(search['level']) as InstanceSearch['level'], line: number(search['line']) }),
});

export const router = createRouter({
  routeTree: root.addChildren([
    shell.addChildren([
      home, dags, runs, instances, backfills, audit, inbox, assets, asset, pools, variables, connections, importErrors, services, plugins, users, configuration, run, instance, nowhere,
      dag.addChildren([grid, graph, dagRuns, durations, calendar, dagBackfills, partitions, reruns, code, details, dagAudit]),
    ]),
  ]),
  defaultPreload: 'intent',
  defaultPreloadDelay: 60,
  scrollRestoration: true,
});

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
}

const allRuns = getRouteApi('/shell/runs');
function AllRuns() {
  const t = useWords();
  const navigate = allRuns.useNavigate();
  return <Page wide title={t('Runs')}><RunsList dagId={null} search={allRuns.useSearch()} change={(next) => void navigate({ search: (before) => ({ ...before, ...next }), replace: true })} /></Page>;
}

const runsOfDag = getRouteApi('/shell/dags/$dagId/runs');
function RunsOfDag() {
  const navigate = runsOfDag.useNavigate();
  return <RunsList dagId={runsOfDag.useParams().dagId} search={runsOfDag.useSearch()} change={(next) => void navigate({ search: (before) => ({ ...before, ...next }), replace: true })} />;
}

function AllBackfills() {
  const t = useWords();
  return <Page wide title={t('Backfills')}><BackfillList dagId={null} /></Page>;
}

const oneDag = getRouteApi('/shell/dags/$dagId');
function BackfillsOfDag() {
  return <BackfillList dagId={oneDag.useParams().dagId} />;
}

function AuditOfDag() {
  return <AuditList dagId={oneDag.useParams().dagId} />;
}

function WholeAudit() {
  const t = useWords();
  return <Page wide title={t('Audit log')}><AuditList dagId={null} /></Page>;
}

function NotFound() {
  const t = useWords();
  return <Page title={t('There is no such page')}><Notice icon={<IconMoodEmpty />} title={location.pathname}><a className="link" href="/">{t('Home')}</a></Notice></Page>;
}

function runsSearch(search: Record<string, unknown>): RunsSearch {
  return { q: text(search['q']), state: text(search['state']), type: text(search['type']), since: text(search['since']), page: number(search['page']) };
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : typeof value === 'number' ? String(value) : undefined;
}

function texts(value: unknown): readonly string[] | undefined {
  if (!Array.isArray(value)) return typeof value === 'string' ? [value] : undefined;
  const found = value.filter((one): one is string => typeof one === 'string');
  return found.length === 0 ? undefined : found;
}

function number(value: unknown): number | undefined {
  const found = typeof value === 'string' && value !== '' ? Number(value) : value;
  return typeof found === 'number' && Number.isFinite(found) ? found : undefined;
}
