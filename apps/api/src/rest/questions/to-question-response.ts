import type { QuestionRow } from '@millrace/persistence';
import { instantText } from '../answers.js';
import type { HitlAnswer } from './question-schemas.js';

/** A question as Airflow shows it, with its task instance. */
export function toQuestionResponse<Shown>(row: QuestionRow, taskInstance: Shown): Omit<HitlAnswer, 'task_instance'> & { readonly task_instance: Shown } {
  const isAnswered = row.responded_at !== null;
  return {
    task_instance: taskInstance,
    options: row.options,
    subject: row.subject,
    body: row.body,
    defaults: row.defaults,
    multiple: row.multiple,
    params: row.params,
    assigned_users: row.assignees,
    created_at: instantText(row.created_at),
    responded_by_user: row.responded_by_id === null ? null : { id: row.responded_by_id, name: row.responded_by_name ?? row.responded_by_id },
    responded_at: instantText(row.responded_at),
    chosen_options: row.chosen_options,
    params_input: row.params_input ?? {},
    response_received: isAnswered,
  };
}
