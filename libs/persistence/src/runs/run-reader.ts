import type { AttemptId, ClaimToken, DagVersionId, InstanceId, InstanceState, RunId } from '@millrace/vocabulary';
import { SlotRequests } from '../admission/slot-requests.js';
import { plainArray } from '../database/array-literals.js';
import type { Queryable } from '../database/database.js';
import type { InstanceRow, RunRow, StartableRun } from './run-rows.js';
import { ATTEMPT_FATES, LOAD_INSTANCES, LOAD_RUNS, LOAD_VERSION_DOCUMENTS, RUNS_OF_INSTANCES, RUN_VERSIONS, STARTABLE_RUNS } from './sql/load-runs.sql.js';

/** Reads runs as the scheduler decides on them. The run is read before its instances: a change in between fails the version check later. */
export class RunReader {
  constructor(private readonly on: Queryable) {}

  async load(ids: readonly RunId[]): Promise<{ runs: RunRow[]; instances: InstanceRow[] }> {
    const list = plainArray(ids);
    const runs = await this.on.query<RunRow & Record<string, unknown>>(LOAD_RUNS, [list]);
    const instances = await this.on.query<InstanceRow & Record<string, unknown>>(LOAD_INSTANCES, [list]);
    return { runs, instances };
  }

  /** Queued runs of these dags that could start, in order; locks the dags: only in a transaction. */
  startable(dagIds: readonly string[], maxPerDag: number): Promise<StartableRun[]> {
    return this.on.query<StartableRun & Record<string, unknown>>(STARTABLE_RUNS, [dagIds, maxPerDag]);
  }

  instances(ids: readonly RunId[]): Promise<InstanceRow[]> {
    return this.on.query<InstanceRow & Record<string, unknown>>(LOAD_INSTANCES, [plainArray(ids)]);
  }

  headers(ids: readonly RunId[]): Promise<RunRow[]> {
    return this.on.query<RunRow & Record<string, unknown>>(LOAD_RUNS, [plainArray(ids)]);
  }

  async documents(ids: readonly DagVersionId[]): Promise<{ id: DagVersionId; document: unknown }[]> {
    return this.on.query(LOAD_VERSION_DOCUMENTS, [plainArray(ids)]);
  }

  async runsOf(instanceIds: readonly InstanceId[]): Promise<Map<InstanceId, RunId>> {
    const rows = await this.on.query<{ id: InstanceId; dagRunId: RunId }>(RUNS_OF_INSTANCES, [plainArray(instanceIds)]);
    return new Map(rows.map((row) => [row.id, row.dagRunId]));
  }

  async versions(ids: readonly RunId[]): Promise<Map<RunId, number>> {
    const rows = await this.on.query<{ id: RunId; version: number }>(RUN_VERSIONS, [plainArray(ids)]);
    return new Map(rows.map((row) => [row.id, row.version]));
  }

  /** Instances of these runs that ask for slots counted over all runs, or have some, and since when. */
  slotsOf(ids: readonly RunId[]): Promise<Map<InstanceId, number>> {
    return new SlotRequests(this.on).ofRuns(ids);
  }

  fates(attempts: readonly { instanceId: InstanceId; attemptId: AttemptId }[]): Promise<{ attemptId: AttemptId; claimToken: ClaimToken | null; state: InstanceState | 'lost' }[]> {
    return this.on.query(ATTEMPT_FATES, [plainArray(attempts.map((a) => a.instanceId)), plainArray(attempts.map((a) => a.attemptId))]);
  }
}
