import type { DynamicModule, Type } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { AccessTokens, SecretBox, Users } from '@millrace/access';
import { BackfillsReader, DagsReader, Database, EventLogsReader, InstancesReader, NotesWriter, PoolUsageReader, RunsReader, ServicesReader, VersionsReader, XComsReader } from '@millrace/persistence';
import { MillraceError } from '@millrace/vocabulary';
import type { ApiParts } from './api-parts.js';
import { AuthController } from './auth/auth.controller.js';
import { LoginThrottle } from './auth/login-throttle.js';
import { BackfillsController } from './backfills/backfills.controller.js';
import { ConfigController } from './config/config.controller.js';
import { ConnectionsController } from './connections/connections.controller.js';
import { DagRunsController } from './dag-runs/dag-runs.controller.js';
import { WaitController } from './dag-runs/wait.controller.js';
import { DagVersionsController } from './dag-versions/dag-versions.controller.js';
import { DagsController } from './dags/dags.controller.js';
import { EventLogsController } from './event-logs/event-logs.controller.js';
import { ImportErrorsController } from './import-errors/import-errors.controller.js';
import { JobsController } from './jobs/jobs.controller.js';
import { LogsController } from './logs/logs.controller.js';
import { TryLogs } from './logs/try-logs.js';
import { Lookups } from './lookups.js';
import { MillraceController } from './millrace/millrace.controller.js';
import { UpdatesController } from './millrace/updates.controller.js';
import { MonitorController } from './monitor/monitor.controller.js';
import { NOT_YET } from './not-yet.js';
import { checkOperations, notYetController } from './openapi/operation.js';
import { PluginsController } from './plugins/plugins.controller.js';
import { PoolsController } from './pools/pools.controller.js';
import { ClearController } from './task-instances/clear.controller.js';
import { InstanceAnswers } from './task-instances/instance-answers.js';
import { MarkController } from './task-instances/mark.controller.js';
import { TaskInstancesController } from './task-instances/task-instances.controller.js';
import { TasksController } from './tasks/tasks.controller.js';
import { COMMANDS, CONFIGURATION, LIVE_UPDATES, LOGGER, PAGE_LIMIT_MAX } from './tokens.js';
import { VariablesController } from './variables/variables.controller.js';
import { XComsController } from './xcoms/xcoms.controller.js';

const CONTROLLERS: readonly Type[] = [
  AuthController, DagsController, DagRunsController, WaitController, TaskInstancesController, ClearController, MarkController, LogsController, TasksController,
  DagVersionsController, ImportErrorsController, XComsController, BackfillsController, MonitorController, PoolsController, VariablesController,
  ConnectionsController, EventLogsController, JobsController, ConfigController, MillraceController, UpdatesController,
  PluginsController,
];

class ApiModule {}

/** @throws Error when an operation of Airflow's document has no handler, or two. */
export function apiModule(parts: ApiParts): DynamicModule {
  const notYet = notYetController(NOT_YET, (id, sentence) => {
    throw new MillraceError('not_built_yet', `${id} is not built yet: ${sentence}`);
  });
  const controllers = [...CONTROLLERS, notYet];
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
      { provide: BackfillsReader, useValue: readers.backfills },
      { provide: EventLogsReader, useValue: readers.eventLogs },
      { provide: ServicesReader, useValue: readers.services },
      { provide: PoolUsageReader, useValue: readers.poolUsage },
      { provide: NotesWriter, useValue: parts.notes },
      { provide: Users, useValue: parts.users },
      { provide: AccessTokens, useValue: parts.tokens },
      { provide: SecretBox, useValue: parts.secrets },
      { provide: COMMANDS, useValue: parts.commands },
      { provide: CONFIGURATION, useValue: config },
      { provide: LOGGER, useValue: parts.logger },
      { provide: LIVE_UPDATES, useValue: parts.liveUpdates },
      { provide: PAGE_LIMIT_MAX, useValue: config['api.maximum_page_limit'] },
      { provide: LoginThrottle, useValue: new LoginThrottle() },
      { provide: Lookups, useValue: lookups },
      { provide: InstanceAnswers, useValue: new InstanceAnswers(readers.instances, readers.versions) },
      { provide: TryLogs, useValue: logs },
    ],
  };
}

/** Also what the gRPC log service reads through. */
export function tryLogs(parts: ApiParts, lookups: Lookups): TryLogs {
  return new TryLogs(parts.readers.instances, lookups, {
    folder: parts.config['logs.folder'],
    logServerUrls: parts.config['log_server.urls'],
    internalToken: parts.config['security.internal_token'],
  });
}
