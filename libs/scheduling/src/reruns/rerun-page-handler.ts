import { randomBytes } from 'node:crypto';
import type { RunEvent } from '@millrace/engine';
import { RefitWriter, RerunStore, RunReader, RunWriter, currentVersions } from '@millrace/persistence';
import type { RerunItem, Transaction } from '@millrace/persistence';
import { uuidV7From } from '@millrace/vocabulary';
import type { ApplyRuns } from '../apply-runs/apply-runs.js';
import { confJsonOf, paramsJsonOf } from '../commands/check-conf.js';
import { tellRun } from '../outbox/tell-run.js';
import type { AfterOutbox, OutboxHandler } from '../outbox/outbox-runner.js';
import type { RunCache } from '../run-cache/run-cache.js';
import { taskColumnsOf } from '../run-cache/task-columns.js';
import { rerunRequest } from './rerun-request.js';
import type { RerunRequest } from './rerun-request.js';

const PAGE = 20;
/** How soon it looks again whether runs of the plan have ended, when as many are under way as may be. */
const LOOK_AGAIN_MS = 1_000;

/** Puts the next runs of a plan in line: each page is one transaction that owes the next one, so it goes on after any crash. */
export function rerunPageHandler(apply: ApplyRuns, cache: RunCache, startRuns: (dagId: string) => void): OutboxHandler {
  return {
    kind: 'rerun_page',
    async handle(tx, row) {
      const { planId } = row.payload as { planId: string };
      const store = new RerunStore(tx);
      const plan = await store.lockApplying(planId);
      if (plan === undefined) return;
      const request = rerunRequest.parse(plan.request);
      const after: AfterOutbox[] = [];
      const items = plan.room <= 0 ? [] : await store.next(planId, Math.min(PAGE, plan.room));
      for (const item of items) {
        const refused = await again(tx, { cache, planId, dagId: plan.dagId, by: plan.appliedBy, request }, item);
        if (refused === null) {
          const by = plan.appliedBy;
          const events: RunEvent[] = [{ type: 'run_marked', state: 'queued', by }, { type: 'cleared', instanceIds: item.instanceIds, by }];
          for (const [index, event] of events.entries()) after.push(await tellRun(tx, { apply }, item.dagRunId, uuidV7From(Date.now() + index, randomBytes(10)), event));
          await new RunWriter(tx).audit('rerun', by, { dagId: plan.dagId, runId: item.runId, extra: { plan_id: planId, instances: item.instanceIds.length } });
        }
        await store.settle(planId, item.place, refused === null ? 'done' : 'failed', refused ?? `${item.instanceIds.length} instances cleared`);
      }
      if (!(await store.finishIfDone(planId))) await store.owePage(uuidV7From(Date.now(), randomBytes(10)), planId, items.length === PAGE ? 0 : LOOK_AGAIN_MS);
      return () => {
        for (const follow of after) follow();
        startRuns(plan.dagId);
      };
    },
  };
}

interface Terms {
  readonly cache: RunCache;
  readonly planId: string;
  readonly dagId: string;
  readonly by: string;
  readonly request: RerunRequest;
}

/** Everything about a run but the clearing. @returns why it cannot be, or null */
async function again(tx: Transaction, { cache, planId, dagId, by, request }: Terms, item: RerunItem): Promise<string | null> {
  const reader = new RunReader(tx);
  const store = new RerunStore(tx);
  const [run] = await reader.headers([item.dagRunId]);
  if (run === undefined) return 'the run was deleted';
  const hasEnded = run.state === 'success' || run.state === 'failed';
  if (!hasEnded && (request.version === 'latest' || request.conf != null)) return `the run is ${run.state} again, so neither its version nor its conf can be changed`;
  let { dagVersionId } = run;
  if (request.version === 'latest') {
    const version = (await currentVersions(tx, [dagId])).get(dagId);
    if (version === undefined) return 'the dag has no current version';
    if (version.versionId !== dagVersionId) {
      if (!(await new RefitWriter(tx).onto(run.id, version.versionId))) return 'the run began again meanwhile';
      await cache.loadVersions([version.versionId], reader);
      await new RefitWriter(tx).fit([run.id], taskColumnsOf(cache.version(version.versionId)), () => uuidV7From(version.nowMs, randomBytes(10)));
      dagVersionId = version.versionId;
    }
  }
  if (request.conf != null) {
    await cache.loadVersions([dagVersionId], reader);
    await store.setConf(run.id, confJsonOf(request.conf), paramsJsonOf(cache.version(dagVersionId).document, request.conf));
  }
  for (const input of request.inputs) {
    const [instance] = await store.instancesAt(run.id, input.task_id, input.map_index);
    if (instance === undefined) return `it has no instance ${input.map_index} of task ${input.task_id} whose output could be replaced`;
    await store.putInput(instance, input.key, JSON.stringify(input.value ?? null), planId, by, uuidV7From(Date.now(), randomBytes(10)));
  }
  return null;
}
