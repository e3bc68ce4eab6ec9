import type { Broker } from '@millrace/messaging';
import type { Database } from '@millrace/persistence';
import type { Logger } from '@millrace/telemetry';
import type { InstanceId } from '@millrace/vocabulary';
import { callbackHandler } from '../callbacks/callback-handler.js';
import { assetUpdatesHandler } from '../assets/asset-updates-handler.js';
import type { ApplyRuns } from '../apply-runs/apply-runs.js';
import { autoPauseHandler } from '../control/auto-pause.js';
import { externalStopHandler } from '../external-tasks/external-stop-handler.js';
import { watchedHandler } from '../other-runs/watched-handler.js';
import { pastDoneHandler, pastLookHandler } from '../past/past-desk.js';
import { rerunPageHandler } from '../reruns/rerun-page-handler.js';
import type { RunCache } from '../run-cache/run-cache.js';
import type { OutboxHandler } from './outbox-runner.js';

export { tellRun } from './tell-run.js';

/** What handlers may use besides their transaction; all of it only after the commit. */
export interface OutboxParts {
  readonly apply: ApplyRuns;
  readonly cache: RunCache;
  readonly database: Database;
  readonly broker: Broker;
  readonly logger: Logger;
  readonly startRuns: (dagId: string) => void;
  /** There may be callbacks to hand out. */
  readonly callbacks: () => void;
  /** There may be platforms to tell that nobody waits any more. */
  readonly stopExternal: () => void;
  /** These instances may have signals they wait for. */
  readonly deliver: (to: readonly InstanceId[]) => void;
  /** Something happened to assets these dags wait for. */
  readonly lookAtAssets: (dagIds: readonly string[]) => void;
}

/** Every kind of effect, and who carries it out. */
export function createOutboxHandlers({ deliver, startRuns, apply, cache, logger, callbacks, lookAtAssets, stopExternal }: OutboxParts): OutboxHandler[] {
  return [
    callbackHandler(cache, callbacks),
    assetUpdatesHandler(lookAtAssets),
    pastLookHandler(apply, cache),
    pastDoneHandler(apply, cache),
    autoPauseHandler(apply, logger),
    watchedHandler(cache, deliver),
    rerunPageHandler(apply, cache, startRuns),
    externalStopHandler(stopExternal),
  ];
}
