import { randomBytes } from 'node:crypto';
import { RerunStore, RunCommandReader, RunReader, RunWriter, currentVersions } from '@millrace/persistence';
import type { ChosenRun, Database, RerunItem, RerunView } from '@millrace/persistence';
import type { Logger } from '@millrace/telemetry';
import { MillraceError, uuidV7From } from '@millrace/vocabulary';
import { confJsonOf, paramsJsonOf } from '../commands/check-conf.js';
import { selectInstances } from '../commands/select-instances.js';
import { groupBy } from '../grouping/group-by.js';
import { RunCache } from '../run-cache/run-cache.js';
import type { RerunRequest } from './rerun-request.js';

const MAX_RUNS = 10_000;

export interface LeftOut {
  readonly runId: string;
  readonly why: string;
}

export interface RerunPreview {
  readonly plan: RerunView;
  readonly leftOut: readonly LeftOut[];
}

/** Re-runs as plans: chosen and counted first, applied when somebody says so, in order, page by page. */
export class RerunDesk {
  readonly #cache: RunCache;

  constructor(
    private readonly database: Database,
    private readonly poke: () => void,
    private readonly logger: Logger,
  ) {
    this.#cache = new RunCache(new RunReader(database), 0);
  }

  /** Makes a draft. @throws MillraceError dag_not_found, task_not_found, invalid (nothing chosen, an input of a task that runs again, …) */
  async plan(dagId: string, request: RerunRequest, actor: string): Promise<RerunPreview> {
    const version = (await currentVersions(this.database, [dagId])).get(dagId);
    if (version === undefined) throw new MillraceError('dag_not_found', `there is no dag ${JSON.stringify(dagId)}, or its file is gone`);
    await this.#cache.loadVersions([version.versionId]);
    const current = this.#cache.version(version.versionId);
    if (request.conf != null) {
      confJsonOf(request.conf);
      paramsJsonOf(current.document, request.conf);
    }
    const store = new RerunStore(this.database);
    const chosen = await store.choose(dagId, {
      runIds: request.run_ids ?? null, from: dateOf(request.from_date), to: dateOf(request.to_date), states: request.run_states ?? null, partitionKeys: request.partition_keys ?? null,
    }, MAX_RUNS + 1);
    if (chosen.length > MAX_RUNS) throw new MillraceError('invalid', `more than ${MAX_RUNS} runs are chosen; choose fewer, by dates or states`);
    const missing = (request.run_ids ?? []).find((runId) => !chosen.some((run) => run.runId === runId));
    if (missing !== undefined && request.run_states == null && request.from_date == null && request.to_date == null) throw new MillraceError('run_not_found', `dag ${dagId} has no run ${missing}`);
    const leftOut: LeftOut[] = [];
    const runs = chosen.filter((run) => {
      const why = whyNot(run, request);
      if (why !== null) leftOut.push({ runId: run.runId, why });
      return why === null;
    });
    const byRun = await this.#instances(dagId, runs, request);
    const kept = runs.filter((run) => {
      const any = (byRun.get(run.id) ?? []).length > 0;
      if (!any) leftOut.push({ runId: run.runId, why: request.only_failed ? 'no chosen task of it has failed' : 'it has no instance of the chosen tasks' });
      return any;
    });
    if (kept.length === 0) throw new MillraceError('invalid', `nothing is chosen: ${leftOut.length === 0 ? 'no run fits' : leftOut.slice(0, 3).map(({ runId, why }) => `${runId}: ${why}`).join('; ')}`);
    this.#checkInputs(dagId, request, kept, byRun);
    const id = uuidV7From(version.nowMs, randomBytes(10));
    const ordered = request.order === 'newest_first' ? kept.toReversed() : kept;
    await this.database.inTransaction(async (tx) => {
      await new RerunStore(tx).insert(
        { id, dagId, requestJson: JSON.stringify(request), note: request.note ?? null, by: actor },
        ordered.map((run, place) => ({ place, dagRunId: run.id, runId: run.runId, logicalDate: run.logicalDate, partitionKey: run.partitionKey, instanceIds: (byRun.get(run.id) ?? []).map((row) => row.id) })),
      );
      await new RunWriter(tx).audit('plan_rerun', actor, { dagId, extra: { plan_id: id, runs: ordered.length } });
    });
    return { plan: (await store.view(id))!, leftOut };
  }

  /** @throws MillraceError not_found, conflict when it is no draft */
  async apply(dagId: string, id: string, actor: string): Promise<RerunView> {
    await this.view(dagId, id);
    await this.database.inTransaction(async (tx) => {
      const store = new RerunStore(tx);
      if (!(await store.begin(id, actor))) throw new MillraceError('conflict', `plan ${id} is ${(await store.view(id))!.state}; only a draft can be applied`);
      await store.owePage(uuidV7From(Date.now(), randomBytes(10)), id, 0);
      await new RunWriter(tx).audit('apply_rerun', actor, { dagId, extra: { plan_id: id } });
    });
    this.poke();
    this.logger.info('re-run applied', { dag_id: dagId, plan_id: id });
    return this.view(dagId, id);
  }

  /** Runs that were put in line already go on; the others stay as they are. */
  async cancel(dagId: string, id: string, actor: string): Promise<RerunView> {
    await this.view(dagId, id);
    await this.database.inTransaction(async (tx) => {
      if (!(await new RerunStore(tx).cancel(id))) throw new MillraceError('conflict', `plan ${id} is over already`);
      await new RunWriter(tx).audit('cancel_rerun', actor, { dagId, extra: { plan_id: id } });
    });
    return this.view(dagId, id);
  }

  /** @throws MillraceError not_found */
  async view(dagId: string, id: string): Promise<RerunView> {
    const found = /^[0-9a-f-]{36}$/.test(id) ? await new RerunStore(this.database).view(id) : undefined;
    if (found === undefined || found.dagId !== dagId) throw new MillraceError('not_found', `dag ${dagId} has no re-run plan ${id}`);
    return found;
  }

  async list(dagId: string, limit: number, offset: number): Promise<{ plans: RerunView[]; total: number }> {
    const store = new RerunStore(this.database);
    return { plans: await store.list(dagId, limit, offset), total: await store.count(dagId) };
  }

  items(id: string, limit: number, offset: number): Promise<RerunItem[]> {
    return new RerunStore(this.database).items(id, limit, offset);
  }

  async #instances(dagId: string, runs: readonly ChosenRun[], request: RerunRequest) {
    const reader = new RunCommandReader(this.database);
    const wanted = new Set(runs.map((run) => run.id));
    const dates = runs.flatMap((run) => run.logicalDate ?? []);
    // One query for many runs by their dates, or one for each when some have none.
    const selection = { dagId, tasks: request.task_ids ?? null, includeUpstream: request.include_upstream, includeDownstream: request.include_downstream, onlyFailed: request.only_failed };
    const rows =
      runs.length > 20 && dates.length === runs.length
        ? await selectInstances(reader, this.#cache, { ...selection, runId: null, startDate: dates[0], endDate: dates.at(-1) })
        : (await Promise.all(runs.map((run) => selectInstances(reader, this.#cache, { ...selection, runId: run.runId })))).flat();
    return groupBy(rows.filter((row) => wanted.has(row.dagRunUuid)), (row) => row.dagRunUuid);
  }

  #checkInputs(dagId: string, request: RerunRequest, runs: readonly ChosenRun[], byRun: ReadonlyMap<string, readonly { readonly taskId: string }[]>): void {
    for (const { task_id: taskId } of request.inputs) {
      const again = runs.find((run) => (byRun.get(run.id) ?? []).some((row) => row.taskId === taskId));
      if (again !== undefined) throw new MillraceError('invalid', `task ${taskId} runs again itself (in ${again.runId}), so its output cannot be put in its place; leave it out of the chosen tasks`);
      if (!runs.some((run) => this.#cache.version(run.versionId).plan.byId.has(taskId))) throw new MillraceError('task_not_found', `Task '${taskId}' not found in DAG '${dagId}'`);
    }
  }
}

function whyNot(run: ChosenRun, request: RerunRequest): string | null {
  const hasEnded = run.state === 'success' || run.state === 'failed';
  if (hasEnded) return null;
  if (request.version === 'latest') return `it is ${run.state}: only a run that ended can be moved to the latest version`;
  if (request.conf != null) return `it is ${run.state}: only a run that ended can be given another conf`;
  return run.state === 'queued' ? 'it waits in line: it runs anyway' : null;
}

function dateOf(text: string | null | undefined): Date | null {
  return text == null ? null : new Date(text);
}
