import type { DagDocument } from '@millrace/contracts';
import type { InstanceView, TryView } from '@millrace/persistence';
import { mapIndexOf } from '@millrace/vocabulary';
import { instantText, spanOf } from '../answers.js';
import { versionOf } from '../dag-versions/to-version-response.js';
import type { InstanceAnswer, TryAnswer } from './instance-schemas.js';

/** An instance as Airflow shows it. `document`: of the run's version, for names; absent, the ids stand in. */
export function toInstanceResponse(row: InstanceView, document: DagDocument | undefined): InstanceAnswer {
  return {
    id: row.id,
    task_id: row.task_id,
    dag_id: row.dag_id,
    dag_run_id: row.run_id,
    map_index: mapIndexOf(row.index_path),
    logical_date: instantText(row.logical_date),
    run_after: instantText(row.run_after),
    ...execution(row, document),
    note: row.note,
    rendered_map_index: row.rendered_map_index ?? (row.index_path.length > 1 ? `[${row.index_path.join(', ')}]` : null),
    rendered_fields: row.rendered_fields ?? {},
    trigger: null,
    triggerer_job: null,
    dag_version: versionOf(row),
  };
}

/** One try, of the past or the current one. */
export function toTryResponse(row: TryView, document: DagDocument | undefined): TryAnswer {
  return {
    task_id: row.task_id,
    dag_id: row.dag_id,
    dag_run_id: row.run_id,
    map_index: mapIndexOf(row.index_path),
    ...execution(row, document),
    dag_version: versionOf(row),
  };
}

/** What an instance and a try have in common, in Airflow's order. */
function execution(row: InstanceView | TryView, document: DagDocument | undefined): Omit<TryAnswer, 'task_id' | 'dag_id' | 'dag_run_id' | 'map_index' | 'dag_version'> {
  return {
    ...spanOf(row.start_date, row.end_date),
    // History may say `lost`, which Airflow does not know: to its clients that try failed; the reason stands in `task_instance_history` and in the log.
    state: row.state === 'lost' ? 'failed' : row.state,
    try_number: row.try_number,
    max_tries: row.max_tries,
    task_display_name: displayNames(document).get(row.task_id) ?? row.task_id,
    dag_display_name: row.dag_display_name,
    hostname: row.hostname ?? '',
    unixname: row.unixname,
    pool: row.pool,
    pool_slots: row.pool_slots,
    queue: row.queue,
    priority_weight: row.priority_weight,
    operator: row.operator,
    operator_name: row.operator,
    queued_when: instantText(row.queued_at),
    scheduled_when: instantText(row.scheduled_at),
    pid: row.pid,
    executor: null,
    executor_config: 'executor_config' in row ? JSON.stringify(row.executor_config) : '{}',
  };
}

const namesByDocument = new WeakMap<DagDocument, ReadonlyMap<string, string>>();
const NO_NAMES: ReadonlyMap<string, string> = new Map();

/** Display names by task id, made once per document: a page of a wide run would otherwise search it for every row. */
function displayNames(document: DagDocument | undefined): ReadonlyMap<string, string> {
  if (document === undefined) return NO_NAMES;
  let names = namesByDocument.get(document);
  if (names === undefined) {
    names = new Map(document.tasks.flatMap((task) => (task.displayName === undefined ? [] : [[task.taskId, task.displayName] as const])));
    namesByDocument.set(document, names);
  }
  return names;
}
