import { Controller, Inject, Param } from '@nestjs/common';
import { z } from 'zod';
import { EventLogsReader } from '@millrace/persistence';
import type { EventLogRow } from '@millrace/persistence';
import { MillraceError } from '@millrace/vocabulary';
import { instantText } from '../answers.js';
import { Operation } from '../openapi/operation.js';
import type { AnswerTo } from '../openapi/operations.js';
import { PAGE_LIMIT_MAX } from '../tokens.js';
import { pageFields, pageOf, query } from '../validation/fields.js';
import { integerPath } from '../validation/integer-path.js';
import { ValidQuery } from '../validation/schema-pipe.js';
import type { EventLogAnswer } from './event-log-schemas.js';

const listQuery = z.object({
  ...pageFields('id'),
  dag_id: query.text, task_id: query.text, run_id: query.text, map_index: query.integer, try_number: query.integer, owner: query.text, event: query.text,
  excluded_events: query.texts, included_events: query.texts, before: query.instant, after: query.instant,
  dag_id_pattern: query.text, task_id_pattern: query.text, run_id_pattern: query.text, owner_pattern: query.text, event_pattern: query.text,
});

/** The audit log under Airflow's name. */
@Controller()
export class EventLogsController {
  constructor(
    @Inject(EventLogsReader) private readonly logs: EventLogsReader,
    @Inject(PAGE_LIMIT_MAX) private readonly pageLimitMax: number,
  ) {}

  @Operation('get_event_logs')
  async getLogs(@ValidQuery(listQuery) values: z.infer<typeof listQuery>): Promise<AnswerTo<'get_event_logs'>> {
    const page = await this.logs.list(
      {
        dagId: values.dag_id, taskId: values.task_id, runId: values.run_id, mapIndex: values.map_index, tryNumber: values.try_number, actor: values.owner,
        event: values.event, included: values.included_events, excluded: values.excluded_events, before: values.before, after: values.after,
        dagIdPattern: values.dag_id_pattern, taskIdPattern: values.task_id_pattern, runIdPattern: values.run_id_pattern, actorPattern: values.owner_pattern,
        eventPattern: values.event_pattern,
      },
      pageOf(values, this.pageLimitMax),
    );
    return { event_logs: page.rows.map(toResponse), total_entries: page.total };
  }

  @Operation('get_event_log')
  async getLog(@Param('event_log_id', integerPath) id: number): Promise<AnswerTo<'get_event_log'>> {
    const found = await this.logs.find(id);
    if (found === null) throw new MillraceError('not_found', `The Event Log with id: \`${id}\` not found`);
    return toResponse(found);
  }
}

function toResponse(row: EventLogRow): EventLogAnswer {
  return {
    event_log_id: row.id,
    when: instantText(row.at),
    dag_id: row.dag_id,
    task_id: row.task_id,
    run_id: row.run_id,
    map_index: row.task_id === null ? null : (row.index_path?.at(-1) ?? -1),
    try_number: row.try_number,
    event: row.event,
    logical_date: instantText(row.logical_date),
    owner: row.actor,
    extra: row.extra,
    dag_display_name: row.dag_display_name,
    task_display_name: row.task_id,
  };
}
