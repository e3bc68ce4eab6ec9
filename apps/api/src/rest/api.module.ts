import type { DynamicModule, Type } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { AccessTokens, ApiTokens, EndedSessions, Roles, SecretBox, Users } from '@millrace/access';
import { readStoredLog } from '@millrace/object-store';
import type { ObjectStore } from '@millrace/object-store';
import type { LogStore } from '@millrace/task-logs';
import { AssetsReader, PartitionsReader, WatchersReader, BackfillsReader, DagDependenciesReader, DagsReader, Database, EventLogsReader, ImportErrorsReader, InstancesReader, NotesWriter, Plugins, PoolUsageReader, PoolWarningsReader, QuestionsReader, RunsReader, ServicesReader, VersionsReader, XComsReader } from '@millrace/persistence';
import { DagSourceDesk, RerunDesk, WhyDesk } from '@millrace/scheduling';
import type { ApiParts } from './api-parts.js';
import { AuthController } from './auth/auth.controller.js';
import { BackfillsController } from './backfills/backfills.controller.js';
import { ConfigController } from './config/config.controller.js';
import { ConnectionsController } from './connections/connections.controller.js';
import { ControlController } from './control/control.controller.js';
import { MaintenanceController } from './maintenance/maintenance.controller.js';
import { DagRunsController } from './dag-runs/dag-runs.controller.js';
import { WaitController } from './dag-runs/wait.controller.js';
import { DagDocumentsController } from './dag-sources/dag-documents.controller.js';
import { DeploymentsController } from './dag-sources/deployments.controller.js';
import { DagVersionsController } from './dag-versions/dag-versions.controller.js';
import { DagsController } from './dags/dags.controller.js';
import { DagDependenciesController } from './dags/dag-dependencies.controller.js';
import { ScheduleController } from './dags/schedule.controller.js';
import { EventLogsController } from './event-logs/event-logs.controller.js';
import { DagWarningsController } from './dag-warnings/dag-warnings.controller.js';
import { ImportErrorsController } from './import-errors/import-errors.controller.js';
import { JobsController } from './jobs/jobs.controller.js';
import { LogsController } from './logs/logs.controller.js';
import { TryLogs } from './logs/try-logs.js';
import { Lookups } from './lookups.js';
import { DagFilesController } from './dag-files/dag-files.controller.js';
import { CallbacksController } from './millrace/callbacks.controller.js';
import { MillraceController } from './millrace/millrace.controller.js';
import { UpdatesController } from './millrace/updates.controller.js';
import { MonitorController } from './monitor/monitor.controller.js';
import { Actors } from './security/actors.js';
import { visibleDags } from './security/request-scope.js';
import { openApiDocument } from './openapi/document.js';
import { DocumentController } from './openapi/document.controller.js';
import { checkOperations } from './openapi/operation.js';
import { PluginHosts } from '../plugin-hosts/plugin-hosts.js';
import { PluginRoutesController } from './plugins/plugin-routes.controller.js';
import { PluginsController } from './plugins/plugins.controller.js';
import { AssetsController } from './assets/assets.controller.js';
import { PartitionsController } from './assets/partitions.controller.js';
import { QueuedEventsController } from './assets/queued-events.controller.js';
import { WatchersController } from './assets/watchers.controller.js';
import { PoolsController } from './pools/pools.controller.js';
import { ClearController } from './task-instances/clear.controller.js';
import { InstanceAnswers } from './task-instances/instance-answers.js';
import { MarkController } from './task-instances/mark.controller.js';
import { TaskInstancesController } from './task-instances/task-instances.controller.js';
import { QuestionsController } from './questions/questions.controller.js';
import { StatesController } from './states/states.controller.js';
import { WaitingController } from './waiting/waiting.controller.js';
import { TasksController } from './tasks/tasks.controller.js';
import { COMMANDS, CONFIGURATION, LIVE_UPDATES, LOGGER, OPENAPI_DOCUMENT, PAGE_LIMIT_MAX, TRACES } from './tokens.js';
import { UI_CONTROLLERS, uiProviders } from './ui/ui-parts.js';
import { ApiTokensController } from './access/api-tokens.controller.js';
import { RolesController } from './access/roles.controller.js';
import { TeamsController } from './access/teams.controller.js';
import { UsersController } from './access/users.controller.js';
import { VERSION } from '../version.js';
import { VariablesController } from './variables/variables.controller.js';
import { RerunsController } from './reruns/reruns.controller.js';
import { WhyController } from './why/why.controller.js';
import { XComsController } from './xcoms/xcoms.controller.js';

/** Every controller; what walks over all routes starts here. */
export const CONTROLLERS: readonly Type[] = [
  QuestionsController, WaitingController, StatesController,
  AuthController, DagsController, DagDependenciesController, ScheduleController, DagRunsController, WaitController, TaskInstancesController, ClearController, MarkController, LogsController, TasksController,
  DagVersionsController, DagWarningsController, ImportErrorsController, XComsController, BackfillsController, MonitorController, PoolsController, VariablesController,
  ConnectionsController, EventLogsController, JobsController, ConfigController, MillraceController, UpdatesController,
  AssetsController, QueuedEventsController, PartitionsController, WatchersController,
  UsersController, RolesController, TeamsController, ApiTokensController,
  PluginsController, PluginRoutesController, WhyController, ControlController, MaintenanceController, RerunsController, CallbacksController, DagFilesController, DagDocumentsController, DeploymentsController, DocumentController,
  ...UI_CONTROLLERS,
];

class ApiModule {}

/** @throws Error when an operation of Airflow's document has no handler, or two. */
export function apiModule(parts: ApiParts): DynamicModule {
  const controllers = [...CONTROLLERS];
  checkOperations(controllers);
  const { readers, config } = parts;
  const lookups = new Lookups(readers.dags, readers.runs, readers.instances, readers.versions);
  const logs = tryLogs(parts, lookups);
  return {
    module: ApiModule,
    controllers,
    providers: [
      { provide: Database, useValue: parts.database },
      { provide: DataSource, useValue: parts.entities },
      { provide: DagsReader, useValue: readers.dags },
      { provide: RunsReader, useValue: readers.runs },
      { provide: InstancesReader, useValue: readers.instances },
      { provide: VersionsReader, useValue: readers.versions },
      { provide: XComsReader, useValue: readers.xcoms },
      { provide: QuestionsReader, useValue: readers.questions },
      { provide: BackfillsReader, useValue: readers.backfills },
      { provide: EventLogsReader, useValue: readers.eventLogs },
      { provide: ServicesReader, useValue: readers.services },
      { provide: ImportErrorsReader, useValue: readers.importErrors },
      { provide: PoolUsageReader, useValue: readers.poolUsage },
      { provide: DagDependenciesReader, useValue: readers.dagDependencies },
      { provide: PoolWarningsReader, useValue: readers.poolWarnings },
      { provide: AssetsReader, useValue: new AssetsReader(parts.database.pool, visibleDags) },
      { provide: WatchersReader, useValue: new WatchersReader(parts.database.pool, visibleDags) },
      { provide: PartitionsReader, useValue: new PartitionsReader(parts.database.pool, visibleDags) },
      { provide: Plugins, useValue: new Plugins(parts.database) },
      { provide: PluginHosts, useValue: parts.pluginHosts },
      { provide: DagSourceDesk, useValue: parts.sources },
      { provide: NotesWriter, useValue: parts.notes },
      { provide: Users, useValue: parts.users },
      { provide: AccessTokens, useValue: parts.tokens },
      { provide: ApiTokens, useValue: parts.apiTokens },
      { provide: EndedSessions, useValue: parts.endedSessions },
      { provide: Roles, useValue: parts.roles },
      { provide: Actors, useValue: parts.actors },
      { provide: SecretBox, useValue: parts.secrets },
      { provide: COMMANDS, useValue: parts.commands },
      { provide: CONFIGURATION, useValue: config },
      { provide: LOGGER, useValue: parts.logger },
      { provide: LIVE_UPDATES, useValue: parts.liveUpdates },
      { provide: OPENAPI_DOCUMENT, useValue: servedDocument(controllers) },
      { provide: TRACES, useValue: parts.traces },
      { provide: PAGE_LIMIT_MAX, useValue: config['api.maximum_page_limit'] },
      ...uiProviders(parts),
      { provide: Lookups, useValue: lookups },
      { provide: InstanceAnswers, useValue: new InstanceAnswers(readers.instances, readers.versions) },
      { provide: TryLogs, useValue: logs },
      { provide: RerunDesk, useValue: new RerunDesk(parts.database, () => parts.commands.pokeEffects(), parts.logger) },
      { provide: WhyDesk, useValue: new WhyDesk(parts.database) },
    ],
  };
}

/** Made when it is first asked for: it takes a moment, and an api that starts has none. */
function servedDocument(controllers: readonly Type[]): () => object {
  let made: object | undefined;
  return () => (made ??= openApiDocument(controllers, VERSION));
}

function logStoreOf(store: ObjectStore): LogStore {
  return { url: store.url, read: (logPath, range, signal) => readStoredLog(store, logPath, range, signal) };
}

/** Also what the gRPC log service reads through. */
export function tryLogs(parts: ApiParts, lookups: Lookups): TryLogs {
  return new TryLogs(parts.readers.instances, lookups, {
    folder: parts.config['logs.folder'],
    logServerUrls: parts.config['log_server.urls'],
    internalToken: parts.config['security.internal_token'],
    store: parts.logStore === null ? null : logStoreOf(parts.logStore),
    tls: parts.tls,
  });
}
