import type { DagDocument, TaskDocument } from '@millrace/contracts';
import { instantText, timeDelta } from '../answers.js';
import { toParamsResponse } from '../dags/to-dag-response.js';
import type { TaskAnswer } from './task-schemas.js';

/** All tasks of a document as Airflow shows them. */
export function toTaskResponses(document: DagDocument): readonly TaskAnswer[] {
  const downstream = new Map<string, string[]>();
  for (const task of document.tasks) for (const upstream of task.upstream) downstream.set(upstream, [...(downstream.get(upstream) ?? []), task.taskId]);
  const params = toParamsResponse(document, 'dag');
  return document.tasks.map((task) => toTaskResponse(document, task, (downstream.get(task.taskId) ?? []).sort(), params));
}

function toTaskResponse(document: DagDocument, task: TaskDocument, downstream: readonly string[], params: Record<string, unknown>): TaskAnswer {
  const own = Object.fromEntries(Object.entries(task.params).map(([name, value]) => [name, { value, schema: {}, description: null, source: 'task' }]));
  return {
    task_id: task.taskId,
    task_display_name: task.displayName ?? task.taskId,
    owner: task.owner,
    start_date: document.startDate === null ? null : instantText(new Date(document.startDate)),
    end_date: document.endDate === null ? null : instantText(new Date(document.endDate)),
    trigger_rule: task.triggerRule,
    depends_on_past: task.dependsOnPast,
    wait_for_downstream: task.waitForDownstream,
    retries: task.retries,
    queue: task.queue,
    pool: task.pool,
    pool_slots: task.poolSlots,
    execution_timeout: timeDelta(task.executionTimeoutSeconds),
    retry_delay: timeDelta(task.retryDelaySeconds),
    retry_exponential_backoff: task.retryExponentialBackoff,
    priority_weight: task.priorityWeight,
    weight_rule: task.weightRule,
    ui_color: task.uiColor,
    ui_fgcolor: task.uiFgColor,
    template_fields: task.templateFields,
    downstream_task_ids: downstream,
    doc_md: task.docMd,
    operator_name: task.operator,
    params: { ...params, ...own },
    class_ref: { module_path: 'millrace', class_name: task.operator },
    is_mapped: task.expand !== null,
    extra_links: [],
  };
}
