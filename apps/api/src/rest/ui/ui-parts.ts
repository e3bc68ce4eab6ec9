import type { Provider, Type } from '@nestjs/common';
import { AttentionReader, BackfillOverviewReader, DagOverviewReader, RunBoardReader } from '@millrace/persistence';
import type { ApiParts } from '../api-parts.js';
import { LogIn } from '../auth/log-in.js';
import { LoginThrottle } from '../auth/login-throttle.js';
import { visibleDags } from '../security/request-scope.js';
import { InstancePageController } from './instance-page.controller.js';
import { OverviewController } from './overview.controller.js';
import { RunBoardController } from './run-board.controller.js';
import { SessionController } from './session.controller.js';

/** What answers the web UI besides the REST API. */
export const UI_CONTROLLERS: readonly Type[] = [SessionController, OverviewController, RunBoardController, InstancePageController];

export function uiProviders({ database, users, tokens }: ApiParts): Provider[] {
  const { pool } = database;
  return [
    { provide: LogIn, useValue: new LogIn(users, tokens, new LoginThrottle(pool)) },
    { provide: AttentionReader, useValue: new AttentionReader(pool, visibleDags) },
    { provide: BackfillOverviewReader, useValue: new BackfillOverviewReader(pool, visibleDags) },
    { provide: DagOverviewReader, useValue: new DagOverviewReader(pool, visibleDags) },
    { provide: RunBoardReader, useValue: new RunBoardReader(pool) },
  ];
}
