import type { RunView } from '@millrace/persistence';
import { instantText, spanOf } from '../answers.js';
import { versionOf } from '../dag-versions/to-version-response.js';
import type { DagRunAnswer } from './run-schemas.js';

export function toRunResponse(run: RunView): DagRunAnswer {
  return {
    dag_run_id: run.run_id,
    dag_id: run.dag_id,
    logical_date: instantText(run.logical_date),
    queued_at: instantText(run.queued_at),
    ...spanOf(run.start_date, run.end_date),
    data_interval_start: instantText(run.data_interval_start),
    data_interval_end: instantText(run.data_interval_end),
    run_after: instantText(run.run_after),
    last_scheduling_decision: instantText(run.last_scheduling_decision),
    run_type: run.run_type,
    state: run.state,
    triggered_by: run.triggered_by,
    triggering_user_name: run.triggering_user_name,
    conf: run.conf,
    note: run.note,
    dag_versions: [versionOf(run)],
    bundle_version: null,
    dag_display_name: run.dag_display_name,
    partition_key: run.partition_key,
  };
}
