import { Controller, Inject, Param } from '@nestjs/common';
import { z } from 'zod';
import { Database } from '@millrace/persistence';
import { scheduleOf } from '@millrace/scheduling';
import { MillraceError } from '@millrace/vocabulary';
import { instantText } from '../answers.js';
import type { Answer } from '../openapi/answer-schemas.js';
import { Answers, Route } from '../openapi/operation.js';
import { ValidQuery } from '../validation/schema-pipe.js';
import { dagSchedule } from './dag-schemas.js';

const scheduleQuery = z.object({ count: z.coerce.number().int().min(1).max(100).default(5) });

/** When a dag runs next, and on what. */
@Controller()
export class ScheduleController {
  constructor(@Inject(Database) private readonly database: Database) {}

  @Route('GET', '/api/millrace/v1/dags/:dag_id/schedule', { action: 'read', resource: 'dag' })
  @Answers(dagSchedule)
  async getSchedule(@Param('dag_id') dagId: string, @ValidQuery(scheduleQuery) { count }: z.infer<typeof scheduleQuery>): Promise<Answer<typeof dagSchedule>> {
    const view = await scheduleOf(this.database, dagId, count);
    if (view === null) throw new MillraceError('dag_not_found', `Dag with id ${dagId} was not found`);
    return {
      dag_id: dagId,
      timetable_summary: view.summary,
      timetable_description: view.description,
      timezone: view.timezone,
      is_paused: view.isPaused,
      warnings: view.warnings,
      published_until: view.publishedUntilMs === null ? null : text(view.publishedUntilMs),
      next_runs: view.runs.map((run) => ({
        logical_date: text(run.logicalDateMs), data_interval_start: text(run.intervalStartMs), data_interval_end: text(run.intervalEndMs), run_after: text(run.runAfterMs),
      })),
    };
  }
}

function text(ms: number): string {
  return instantText(new Date(ms));
}
