import type { executionProto } from '@millrace/contracts';
import type { PlanTask } from '@millrace/engine';
import type { AttemptId, ClaimToken, IndexPath, InstanceId } from '@millrace/vocabulary';
import type { ClaimedWait, RunRow } from '@millrace/persistence';
import type { TaskParams } from '../run-cache/run-cache.js';

type Grant = executionProto.Grant;

export type GrantedTask = Pick<PlanTask, 'taskId' | 'executionTimeoutSeconds' | 'queue' | 'owner'>;

export interface GrantedAttempt {
  readonly instanceId: InstanceId;
  readonly attemptId: AttemptId;
  readonly token: ClaimToken;
  readonly indexPath: IndexPath;
  readonly tryNumber: number;
  readonly maxTries: number;
  readonly resumeJson: string | null;
  /** null: it never waited. */
  readonly wait: ClaimedWait | null;
  readonly startMs: number;
  readonly generation: number;
}

/** Everything a worker needs to run one attempt. `home` is a hint: whose cache holds the run. */
export function makeGrant(row: RunRow, task: GrantedTask, taskParams: TaskParams, attempt: GrantedAttempt, home: string): Grant {
  return {
    instanceId: attempt.instanceId,
    attemptId: attempt.attemptId,
    claimToken: attempt.token,
    dagId: row.dagId,
    runId: row.runId,
    taskId: task.taskId,
    indexPath: [...attempt.indexPath],
    tryNumber: attempt.tryNumber,
    maxTries: attempt.maxTries,
    bundleHash: row.bundleHash ?? '',
    logicalDate: instantText(row.logicalDateMs),
    dataIntervalStart: instantText(row.intervalStartMs),
    dataIntervalEnd: instantText(row.intervalEndMs),
    runAfter: instantText(row.runAfterMs),
    runType: row.runType,
    confJson: row.confJson,
    paramsJson: paramsOf(row, taskParams.get(task.taskId)),
    executionTimeoutMs: Math.round((task.executionTimeoutSeconds ?? 0) * 1000),
    queue: task.queue,
    resumeJson: attempt.resumeJson ?? '',
    homeSchedulerId: home,
    traceparent: row.traceparent ?? '',
    runUuid: row.id,
    startDate: instantText(attempt.startMs),
    partitionKey: row.partitionKey ?? '',
    owner: task.owner,
    placementGeneration: attempt.generation,
    firstStartDate: instantText(attempt.wait === null ? null : Math.min(attempt.wait.firstMs, attempt.startMs)),
    looks: attempt.wait?.looks ?? 0,
    resumedBy: attempt.wait?.isOwn === true ? (attempt.wait.by ?? 'time') : '',
    resumePayloadJson: attempt.wait?.payload ?? '',
  };
}

/** As in Airflow: the dag's params, over them the task's own, over them what the run's conf says. */
function paramsOf(row: RunRow, own: Readonly<Record<string, unknown>> | undefined): string {
  if (own === undefined) return row.paramsJson;
  const conf = JSON.parse(row.confJson) as Record<string, unknown>;
  return JSON.stringify({ ...(JSON.parse(row.paramsJson) as object), ...own, ...conf });
}

/** RFC 3339 in UTC; empty for none. */
export function instantText(ms: number | null): string {
  return ms === null ? '' : new Date(ms).toISOString();
}
