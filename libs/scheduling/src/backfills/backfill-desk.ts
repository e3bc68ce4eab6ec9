import { randomBytes } from 'node:crypto';
import type { RunEvent } from '@millrace/engine';
import { BackfillWriter, RefitWriter, RunReader, RunWriter, completeBackfills, currentVersions, insertRuns, publishedRuns, runsInRange, runsOfCancelledBackfills, runsOfPartitions } from '@millrace/persistence';
import type { AskedEvent, BackfillDateWrite, CurrentVersion, Database, NewRun, Transaction } from '@millrace/persistence';
import { MillraceError, uuidV7From } from '@millrace/vocabulary';
import type { RunId } from '@millrace/vocabulary';
import type { InputResult, RunInput } from '../apply-runs/inputs.js';
import { confJsonOf, paramsJsonOf } from '../commands/check-conf.js';
import type { BackfillInput, BackfillPlan } from '../commands/commands.js';
import type { RunCache, VersionPlan } from '../run-cache/run-cache.js';
import { taskColumnsOf } from '../run-cache/task-columns.js';
import { runNameOf, runNamePart } from '../schedules/run-names.js';
import { timetableOf } from '../schedules/timetable-of.js';
import { backfillDates, planBackfill } from './plan-backfill.js';

const DEFAULT_BACKFILL_RUNS = 10;
/** Published runs of a custom timetable; twice what a backfill may make. */
const BACKFILL_LOOKS_AT = 20_000;

/** What the desk needs of the process it is in. */
export interface BackfillPorts {
  submit(id: RunId, input: RunInput): Promise<InputResult>;
  /** The dag's runs may start. */
  ring(dagId: string): void;
}

/**
 * Backfills: asked for, paused, cancelled. Everything one asks for is written in one transaction, what finished runs are to do again as stored
 * run events; schedulers do from there what this process does not get to.
 */
export class BackfillDesk {
  constructor(
    private readonly database: Database,
    private readonly cache: RunCache,
    private readonly ports: BackfillPorts,
  ) {}

  async create(input: BackfillInput, dryRun: boolean): Promise<BackfillPlan> {
    const confJson = confJsonOf(input.conf);
    const maxActiveRuns = input.maxActiveRuns ?? DEFAULT_BACKFILL_RUNS;
    if (!Number.isInteger(maxActiveRuns) || maxActiveRuns < 1) throw new MillraceError('invalid', `max_active_runs must be a whole number > 0, got ${maxActiveRuns}`);
    const { plan, asked } = await this.database.inTransaction(async (tx) => {
      const backfills = new BackfillWriter(tx);
      if (!dryRun) await backfills.lockDag(input.dagId);
      const dag = (await currentVersions(tx, [input.dagId])).get(input.dagId);
      if (dag === undefined) throw new MillraceError('dag_not_found', `Could not find dag ${input.dagId}`);
      const open = dryRun ? undefined : await backfills.open(input.dagId);
      if (open !== undefined) throw new MillraceError('conflict', `There is already a running backfill for dag ${input.dagId} (backfill ${open}): wait for it, or cancel it`);
      await this.cache.loadVersions([dag.versionId], new RunReader(tx));
      const version = this.cache.version(dag.versionId);
      const published = version.document.schedule?.kind === 'custom' ? ((await publishedRuns(tx, [input.dagId], BACKFILL_LOOKS_AT)).get(input.dagId) ?? []) : undefined;
      const dates = backfillDates(version.document, timetableOf(version.document, published), input, dag.nowMs);
      const keys = dates.flatMap((date) => date.partition?.key ?? []);
      const existing = keys.length > 0 ? await runsOfPartitions(tx, input.dagId, keys) : await runsInRange(tx, input.dagId, input.fromDate, input.toDate);
      const runs = planBackfill(dates, input, existing);
      if (dryRun) return { plan: { backfillId: null, runs }, asked: [] };
      const backfillId = await backfills.insert({
        dagId: input.dagId, fromDate: input.fromDate, toDate: input.toDate, confJson, reprocessBehavior: input.reprocessBehavior ?? 'none', runBackwards: input.runBackwards ?? false,
        maxActiveRuns, runOnLatestVersion: input.runOnLatestVersion ?? true, userName: input.actor,
      });
      const again = runs.flatMap((run, index) => (run.action === 'clear' && run.existing !== null ? [{ id: run.existing, ordinal: index + 1 }] : []));
      const events = again.length === 0 ? { adopted: new Set<RunId>(), asked: [] } : await this.#runAgain(tx, backfillId, again, input, dag, version);
      const made = await this.#make(tx, runs, input, dag, { backfillId, confJson, paramsJson: paramsJsonOf(version.document, input.conf) });
      // Another run of a date came into being since the range was read: it is in flight.
      await backfills.insertDates(backfillId, runs.map((run, index): BackfillDateWrite => {
        const runId = run.action === 'create' ? (made.get(index) ?? null) : run.action === 'clear' && run.existing !== null && events.adopted.has(run.existing) ? run.existing : null;
        return { ordinal: index + 1, logicalDate: run.logicalDate, runId, exceptionReason: runId === null ? (run.exceptionReason ?? 'in flight') : null };
      }));
      await new RunWriter(tx).audit('create_backfill', input.actor, { dagId: input.dagId, extra: { backfill_id: backfillId, from_date: input.fromDate, to_date: input.toDate } });
      return { plan: { backfillId, runs }, asked: events.asked };
    });
    if (plan.backfillId === null) return plan;
    await this.#apply(asked);
    await completeBackfills(this.database, plan.backfillId);
    this.ports.ring(input.dagId);
    return plan;
  }

  async setPaused(backfillId: number, paused: boolean, actor: string): Promise<void> {
    this.ports.ring(await this.#change(paused ? 'pause_backfill' : 'unpause_backfill', backfillId, actor, (backfills) => backfills.setPaused(backfillId, paused)));
  }

  /** What runs may end; what has not begun will not. A scheduler does the rest, should this process end here. */
  async cancel(backfillId: number, actor: string): Promise<void> {
    const dagId = await this.#change('cancel_backfill', backfillId, actor, (backfills) => backfills.cancel(backfillId));
    await failCancelled(this.database, backfillId, this.ports);
    await completeBackfills(this.database, backfillId);
    this.ports.ring(dagId);
  }

  /** New runs by their place in the plan; those that conflict with one made meanwhile are missing. */
  async #make(tx: Transaction, runs: BackfillPlan['runs'], input: BackfillInput, dag: CurrentVersion, of: { backfillId: number; confJson: string; paramsJson: string }): Promise<Map<number, RunId>> {
    const fresh = runs.flatMap((run, index): NewRun[] => (run.action === 'create' ? [{
      id: uuidV7From(dag.nowMs, randomBytes(10)) as string as RunId, dagId: input.dagId, runId: nameOf(run), versionId: dag.versionId,
      runType: 'backfill', triggeredBy: 'backfill', userName: input.actor, ...(run.partition === null
        ? { logicalDate: run.logicalDate, intervalStart: run.dataIntervalStart, intervalEnd: run.dataIntervalEnd, partitionKey: null, partitionDate: null }
        : { logicalDate: null, intervalStart: null, intervalEnd: null, partitionKey: run.partition.key, partitionDate: run.partition.date }),
      runAfter: run.runAfter, confJson: of.confJson, paramsJson: of.paramsJson, note: null, taskSelection: null, backfillId: of.backfillId, backfillOrder: index + 1,
    }] : []));
    const made = await insertRuns(tx, fresh, null);
    return new Map(fresh.flatMap((run) => (made.has(run.id) ? [[run.backfillOrder! - 1, run.id] as const] : [])));
  }

  async #runAgain(tx: Transaction, backfillId: number, runs: readonly { id: RunId; ordinal: number }[], input: BackfillInput, dag: CurrentVersion, version: VersionPlan): Promise<{ adopted: Set<RunId>; asked: AskedEvent[] }> {
    const backfills = new BackfillWriter(tx);
    const latest = input.runOnLatestVersion ?? true;
    const differing = latest ? await otherVersion(tx, runs.map((run) => run.id), dag.versionId) : [];
    const adopted = await backfills.adopt(backfillId, runs, latest ? dag.versionId : null);
    const fitted = differing.filter((id) => adopted.has(id));
    const fresh = (offset: number): string => uuidV7From(dag.nowMs + offset, randomBytes(10));
    if (fitted.length > 0) await new RefitWriter(tx).fit(fitted, taskColumnsOf(version), () => fresh(0));
    const ids = [...adopted];
    const asked = await backfills.askToRunAgain(ids, input.actor, { marked: ids.map(() => fresh(0)), cleared: ids.map(() => fresh(1)) });
    return { adopted, asked };
  }

  /** At once what a sweep would do a second later. */
  async #apply(asked: readonly AskedEvent[]): Promise<void> {
    await Promise.all(asked.map(({ id, runId, payload }) => this.ports.submit(runId, { event: payload as RunEvent, runEventId: id, fresh: true })));
  }

  async #change(event: string, backfillId: number, actor: string, change: (backfills: BackfillWriter) => Promise<string | undefined>): Promise<string> {
    return this.database.inTransaction(async (tx) => {
      const found = await change(new BackfillWriter(tx));
      if (found === undefined) throw new MillraceError('conflict', `Backfill ${backfillId} is already completed or was never there.`);
      await new RunWriter(tx).audit(event, actor, { dagId: found, extra: { backfill_id: backfillId } });
      return found;
    });
  }
}

/** Fails what has not begun of cancelled backfills. @param backfillId null: of all */
export async function failCancelled(database: Database, backfillId: number | null, { submit }: Pick<BackfillPorts, 'submit'>): Promise<void> {
  const waiting = await runsOfCancelledBackfills(database, backfillId);
  await Promise.all(waiting.map((id) => submit(id, { event: { type: 'run_marked', state: 'failed', by: 'the cancelled backfill' }, fresh: true })));
}

function nameOf({ runAfter, partition }: BackfillPlan['runs'][number]): string {
  const name = runNameOf('backfill', runAfter.getTime());
  return partition === null ? name : `${name}__${runNamePart(partition.key)}`;
}

/** Those of the runs that are of another version. */
async function otherVersion(tx: Transaction, ids: readonly RunId[], versionId: string): Promise<RunId[]> {
  const rows = await new RunReader(tx).headers(ids);
  return rows.flatMap((row) => (row.dagVersionId === versionId ? [] : [row.id]));
}
