import { randomBytes } from 'node:crypto';
import { NaturalBatcher } from '@millrace/lifecycle';
import { RunReader, currentVersions, insertRuns, isRunIdTaken } from '@millrace/persistence';
import type { CurrentVersion, Database, NewRun } from '@millrace/persistence';
import { MillraceError, RUN_ID_PATTERN, uuidV7From } from '@millrace/vocabulary';
import type { RunId } from '@millrace/vocabulary';
import type { RunCache } from '../run-cache/run-cache.js';
import { runNameNow, runNameOf } from '../schedules/run-names.js';
import { timetableOf } from '../schedules/timetable-of.js';
import { confJsonOf, paramsJsonOf } from './check-conf.js';
import type { TriggerInput } from './commands.js';

const MAX_RENAMES = 5;

/** Neither name nor time was given, so any name of this moment will do. */
function isNameOurs(input: TriggerInput): boolean {
  return input.runId === undefined && !input.runAfter && !input.logicalDate;
}

export interface Triggered {
  readonly id: RunId;
  readonly runId: string;
}

/** Makes runs that people and programs ask for, many in one commit when many ask at once. A run is committed before its caller hears of it. */
export class TriggerDesk {
  readonly #batcher: NaturalBatcher<TriggerInput, Triggered | MillraceError>;

  constructor(
    private readonly database: Database,
    private readonly cache: RunCache,
    private readonly ring: (id: RunId, dagId: string) => void,
  ) {
    this.#batcher = new NaturalBatcher({ maxSize: 200, flush: (inputs) => this.#flush(inputs) });
  }

  /** @throws MillraceError dag_not_found, task_not_found, conflict, invalid. */
  async trigger(input: TriggerInput): Promise<Triggered> {
    if (input.runId !== undefined && !RUN_ID_PATTERN.test(input.runId)) {
      throw new MillraceError('invalid', `run id "${input.runId}" may hold letters, digits, "_", ".", "~", ":", "+", "-" and blanks, at most 250 characters, and no ".."`);
    }
    const result = await this.#batcher.add(input);
    if (result instanceof MillraceError) throw result;
    return result;
  }

  async #flush(inputs: readonly TriggerInput[]): Promise<(Triggered | MillraceError)[]> {
    const versions = await currentVersions(this.database, [...new Set(inputs.map((input) => input.dagId))]);
    await this.cache.loadVersions([...versions.values()].map((version) => version.versionId), new RunReader(this.database));
    const runs = inputs.map((input) => {
      try {
        return this.runOf(input, versions.get(input.dagId));
      } catch (error) {
        if (error instanceof MillraceError) return error;
        throw error;
      }
    });
    const fresh = runs.filter((run): run is NewRun => !(run instanceof MillraceError));
    const made = fresh.length === 0 ? new Set<RunId>() : await insertRuns(this.database, fresh, 'trigger_dag_run');
    // Two processes may have thought of the same name in the same millisecond: those whose name was ours to choose get another.
    for (let again = 0; again < MAX_RENAMES; again++) {
      const renamed = runs.flatMap((run, index) => {
        if (run instanceof MillraceError || made.has(run.id) || !isNameOurs(inputs[index]!)) return [];
        return [(runs[index] = { ...run, runId: runNameNow(run.runType, run.runAfter.getTime()) })];
      });
      if (renamed.length === 0) break;
      for (const id of await insertRuns(this.database, renamed, 'trigger_dag_run')) made.add(id);
    }
    return Promise.all(
      runs.map(async (run, index) => {
        if (run instanceof MillraceError) return run;
        if (!made.has(run.id)) return this.#conflictOf(run, inputs[index]!.runId !== undefined);
        this.ring(run.id, run.dagId);
        return { id: run.id, runId: run.runId };
      }),
    );
  }

  /** What is asked for as a row; the dag's version must be loaded. @throws MillraceError as `trigger` */
  runOf(input: TriggerInput, dag: CurrentVersion | undefined): NewRun {
    if (dag === undefined) throw new MillraceError('dag_not_found', `DAG with dag_id: '${input.dagId}' not found`);
    const { document, plan } = this.cache.version(dag.versionId);
    const unknown = (input.taskSelection ?? []).find((taskId) => !plan.byId.has(taskId));
    if (unknown !== undefined) throw new MillraceError('task_not_found', `Task '${unknown}' not found in DAG '${input.dagId}'`);
    const runType = input.runType ?? 'manual';
    const runAfter = input.runAfter ?? new Date(dag.nowMs);
    const interval = input.logicalDate ? timetableOf(document)?.manual(input.logicalDate.getTime()) : undefined;
    return {
      id: uuidV7From(dag.nowMs, randomBytes(10)) as string as RunId,
      dagId: input.dagId,
      runId: input.runId ?? (isNameOurs(input) ? runNameNow(runType, dag.nowMs) : runNameOf(runType, (input.logicalDate ?? runAfter).getTime())),
      versionId: dag.versionId,
      runType,
      triggeredBy: input.triggeredBy,
      userName: input.actor,
      logicalDate: input.logicalDate ?? null,
      intervalStart: input.dataIntervalStart ?? (interval ? new Date(interval.intervalStartMs) : null),
      intervalEnd: input.dataIntervalEnd ?? (interval ? new Date(interval.intervalEndMs) : null),
      runAfter,
      confJson: confJsonOf(input.conf),
      paramsJson: paramsJsonOf(document, input.conf),
      note: input.note ?? null,
      partitionKey: input.partitionKey ?? null,
      taskSelection: input.taskSelection ?? null,
      backfillId: null,
      backfillOrder: null,
      traceparent: input.traceparent ?? null,
    };
  }

  /** Says which of the two unique things exists already, in the caller's words: a run id made here out of a logical date was not asked for. */
  async #conflictOf(run: NewRun, named: boolean): Promise<MillraceError> {
    const details = { dag_id: run.dagId, run_id: run.runId };
    return (named || run.logicalDate === null) && (await isRunIdTaken(this.database, run.dagId, run.runId))
      ? new MillraceError('conflict', `A run of dag '${run.dagId}' with dag_run_id '${run.runId}' exists already`, details)
      : new MillraceError('conflict', `A run of dag '${run.dagId}' with logical_date ${run.logicalDate?.toISOString()} exists already`, details);
  }
}
