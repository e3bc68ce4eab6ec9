import type { workflowsProto } from '@millrace/contracts';
import type { InstanceView, RunView } from '@millrace/persistence';

export function runMessage(row: RunView): workflowsProto.Run {
  return {
    dagId: row.dag_id,
    runId: row.run_id,
    state: row.state,
    runType: row.run_type,
    logicalDate: row.logical_date ?? undefined,
    dataIntervalStart: row.data_interval_start ?? undefined,
    dataIntervalEnd: row.data_interval_end ?? undefined,
    runAfter: row.run_after,
    queuedAt: row.queued_at ?? undefined,
    startDate: row.start_date ?? undefined,
    endDate: row.end_date ?? undefined,
    conf: row.conf,
    note: row.note ?? '',
    partitionKey: row.partition_key ?? '',
    versionNumber: row.version_number,
    reason: row.reason ?? '',
    resultJson: row.result === null || row.result === undefined ? '' : JSON.stringify(row.result),
  };
}

export function instanceMessage(row: InstanceView): workflowsProto.TaskInstance {
  return {
    taskId: row.task_id,
    indexPath: [...row.index_path],
    state: row.state ?? '',
    tryNumber: row.try_number,
    maxTries: row.max_tries,
    queuedAt: row.queued_at ?? undefined,
    startDate: row.start_date ?? undefined,
    endDate: row.end_date ?? undefined,
    queue: row.queue,
    pool: row.pool,
    hostname: row.hostname ?? '',
    reason: row.reason ?? '',
  };
}
