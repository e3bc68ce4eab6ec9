import type { Provider, Type } from '@nestjs/common';
import { AttentionReader, BackfillOverviewReader, DagOverviewReader, RunBoardReader } from '@millrace/persistence';
import type { ApiParts } from '../api-parts.js';
import { LogIn } from '../auth/log-in.js';
import { LoginThrottle } from '../auth/login-throttle.js';
import { visibleDags } from '../security/request-scope.js';
import { OidcController } from '../auth/oidc.controller.js';
import { OidcLogin } from '../auth/oidc-login.js';
import { InstancePageController } from './instance-page.controller.js';
import { OverviewController } from './overview.controller.js';
import { RunBoardController } from './run-board.controller.js';
import { SessionController } from './session.controller.js';

/** What answers the web UI besides the REST API. */
export const UI_CONTROLLERS: readonly Type[] = [SessionController, OidcController, OverviewController, RunBoardController, InstancePageController];

export function uiProviders({ config, database, logger, users, tokens }: ApiParts): Provider[] {
  const { pool } = database;
  return [
    { provide: LogIn, useValue: new LogIn(users, tokens, new LoginThrottle(pool)) },
    { provide: OidcLogin, useValue: new OidcLogin(config, users, logger) },
    { provide: AttentionReader, useValue: new AttentionReader(pool, visibleDags) },
    { provide: BackfillOverviewReader, useValue: new BackfillOverviewReader(pool, visibleDags) },
    { provide: DagOverviewReader, useValue: new DagOverviewReader(pool, visibleDags) },
    { provide: RunBoardReader, useValue: new RunBoardReader(pool) },
  ];
}
