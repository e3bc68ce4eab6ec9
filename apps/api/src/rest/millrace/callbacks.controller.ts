import { Controller, Inject, Param } from '@nestjs/common';
import { z } from 'zod';
import { Callbacks, Database, Deadlines, Outbox } from '@millrace/persistence';
import { mapIndexOf } from '@millrace/vocabulary';
import { instantText } from '../answers.js';
import { Lookups } from '../lookups.js';
import type { Answer } from '../openapi/answer-schemas.js';
import { Answers, Route } from '../openapi/operation.js';
import { PAGE_LIMIT_MAX } from '../tokens.js';
import { pageFields, pageOf, query } from '../validation/fields.js';
import { ValidQuery } from '../validation/schema-pipe.js';
import { callbackCollection, effects, missedDeadlineCollection } from './millrace-schemas.js';

const callbacksQuery = z.object({ ...pageFields(''), dag_run_id: query.text, state: z.enum(['pending', 'running', 'success', 'failed']).optional() });
const deadlinesQuery = z.object({ ...pageFields(''), dag_run_id: query.text });

/** What authors' code was told, deadlines that were missed, and effects that wait. */
@Controller()
export class CallbacksController {
  private readonly callbacks: Callbacks;
  private readonly deadlines: Deadlines;
  private readonly outbox: Outbox;

  constructor(
    @Inject(Database) database: Database,
    @Inject(Lookups) private readonly lookups: Lookups,
    @Inject(PAGE_LIMIT_MAX) private readonly pageLimitMax: number,
  ) {
    this.callbacks = new Callbacks(database);
    this.deadlines = new Deadlines(database);
    this.outbox = new Outbox(database);
  }

  @Route('GET', '/api/millrace/v1/dags/:dag_id/callbacks', { action: 'read', resource: 'dag_run' })
  @Answers(callbackCollection)
  async getCallbacks(@Param('dag_id') dagId: string, @ValidQuery(callbacksQuery) values: z.infer<typeof callbacksQuery>): Promise<Answer<typeof callbackCollection>> {
    await this.lookups.dag(dagId);
    const { limit, offset } = pageOf(values, this.pageLimitMax);
    const page = await this.callbacks.list(dagId, values.dag_run_id ?? null, values.state ?? null, limit, offset);
    const callbacks = page.rows.map((row) => ({
      id: row.id, dag_id: row.dagId, dag_run_id: row.runId, task_id: row.taskId, map_index: mapIndexOf(row.indexPath), try_number: row.tryNumber, on: row.kind, deadline: row.deadline,
      reason: row.reason, state: row.state, tries: row.tries, worker: row.worker, created_at: instantText(row.createdAt), started_at: instantText(row.startedAt),
      ended_at: instantText(row.endedAt), error: row.error, log: row.log,
    }));
    return { callbacks, total_entries: page.total };
  }

  @Route('GET', '/api/millrace/v1/dags/:dag_id/missedDeadlines', { action: 'read', resource: 'dag_run' })
  @Answers(missedDeadlineCollection)
  async getMissedDeadlines(@Param('dag_id') dagId: string, @ValidQuery(deadlinesQuery) values: z.infer<typeof deadlinesQuery>): Promise<Answer<typeof missedDeadlineCollection>> {
    await this.lookups.dag(dagId);
    const { limit, offset } = pageOf(values, this.pageLimitMax);
    const page = await this.deadlines.list(dagId, values.dag_run_id ?? null, limit, offset);
    const missed = page.rows.map((row) => ({
      id: row.id, dag_id: row.dagId, dag_run_id: row.runId, name: row.name, reference: row.reference, due_at: instantText(row.dueAt), missed_at: instantText(row.missedAt), callback_state: row.callbackState,
    }));
    return { missed_deadlines: missed, total_entries: page.total };
  }

  /** Effects of decisions that are not carried out yet, by kind. Parked ones need a person. */
  @Route('GET', '/api/millrace/v1/effects', { action: 'read', resource: 'job' })
  @Answers(effects)
  async getEffects(): Promise<Answer<typeof effects>> {
    const kinds = await this.outbox.state();
    return { effects: kinds.map((row) => ({ kind: row.kind, waiting: row.waiting, failing: row.failing, parked: row.parked, oldest_seconds: row.oldestMs / 1_000 })) };
  }
}
