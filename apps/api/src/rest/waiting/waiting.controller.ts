import { Controller, Inject, Param } from '@nestjs/common';
import { z } from 'zod';
import { refusal } from '@millrace/access';
import type { Actor } from '@millrace/access';
import { Database, RunsReader, readExternalTasks } from '@millrace/persistence';
import type { Commands } from '@millrace/scheduling';
import { MillraceError, XCOM_MAX_BYTES } from '@millrace/vocabulary';
import { instantText } from '../answers.js';
import { Lookups } from '../lookups.js';
import type { Answer } from '../openapi/answer-schemas.js';
import { Answers, Route } from '../openapi/operation.js';
import { currentScope } from '../security/request-scope.js';
import { CurrentActor } from '../security/token.guard.js';
import { mapIndexQuery } from '../task-instances/task-instances.controller.js';
import { COMMANDS } from '../tokens.js';
import { ValidBody, ValidQuery } from '../validation/schema-pipe.js';
import { externalReport, externalTaskCollection, resumed as resumedSchema, runResult } from './waiting-schemas.js';

const REASON_MAX_CHARACTERS = 2_000;
const reportBody = z.discriminatedUnion('state', [
  z.object({ state: z.literal('running'), progress: z.unknown().optional() }),
  z.object({ state: z.literal('success'), result: z.unknown().optional(), progress: z.unknown().optional() }),
  z.object({ state: z.literal('failed'), reason: z.string().max(REASON_MAX_CHARACTERS).optional(), result: z.unknown().optional(), progress: z.unknown().optional() }),
]);
const resumeBody = z.strictObject({ payload: z.unknown().optional() });

/** What platforms and programs say to task instances that wait. */
@Controller()
export class WaitingController {
  constructor(
    @Inject(Lookups) private readonly lookups: Lookups,
    @Inject(RunsReader) private readonly runs: RunsReader,
    @Inject(Database) private readonly database: Database,
    @Inject(COMMANDS) private readonly commands: Commands,
  ) {}

  /** A platform's report on work a task gave it. The token in the path is all the authority it has, and all it needs. */
  @Route('POST', '/api/millrace/v1/task-callbacks/:token', 'public')
  @Answers(externalReport)
  async report(@Param('token') token: string, @ValidBody(reportBody) body: z.infer<typeof reportBody>): Promise<Answer<typeof externalReport>> {
    const resultJson = 'result' in body ? jsonOf(body.result, 'result') : null;
    const { counted, state, note } = await this.commands.waiting.reportExternal(token, {
      state: body.state, resultJson, progressJson: jsonOf(body.progress, 'progress'), reason: 'reason' in body ? (body.reason?.replaceAll('\0', '\uFFFD') ?? null) : null,
    });
    return { counted, state, ...(note === null ? {} : { note }) };
  }

  /** Wakes every task instance that waits for this key now, and hands it the payload. */
  @Route('POST', '/api/millrace/v1/correlations/:key', { action: 'edit', resource: 'task_instance' })
  @Answers(resumedSchema)
  async resume(@Param('key') key: string, @ValidBody(resumeBody) body: z.infer<typeof resumeBody>, @CurrentActor() actor: Actor): Promise<Answer<typeof resumedSchema>> {
    const payload = jsonOf(body.payload, 'payload');
    const { scope } = currentScope();
    const resumed = await this.commands.waiting.resume(key, payload === null ? null : JSON.parse(payload), actor.name, (dagId) => {
      if (!scope.hasDag(dagId)) throw refusal(actor, 'edit', 'task_instance', dagId);
    });
    return { resumed };
  }

  /** What an instance gave other platforms to do, with every report on it. */
  @Route('GET', '/api/millrace/v1/dags/:dag_id/dagRuns/:dag_run_id/taskInstances/:task_id/externalTasks', { action: 'read', resource: 'task_instance' })
  @Answers(externalTaskCollection)
  async externalTasks(@Param('dag_id') dagId: string, @Param('dag_run_id') runId: string, @Param('task_id') taskId: string, @ValidQuery(mapIndexQuery) values: z.infer<typeof mapIndexQuery>): Promise<Answer<typeof externalTaskCollection>> {
    const instance = await this.lookups.instance(dagId, runId, taskId, values.map_index);
    const works = await readExternalTasks(this.database, instance.id);
    return {
      external_tasks: works.map((work) => ({
        id: work.id, try_number: work.tryNumber, state: work.state, external_id: work.externalId, progress: work.progress, result: work.result, reason: work.reason,
        created_at: instantText(work.createdAt), submitted_at: instantText(work.submittedAt), reported_at: instantText(work.reportedAt), ended_at: instantText(work.endedAt),
        cancel_state: work.cancelState, cancel_error: work.cancelError, reports: work.reports,
      })),
      total_entries: works.length,
    };
  }

  /** What the dag's result task returned in this run. */
  @Route('GET', '/api/millrace/v1/dags/:dag_id/dagRuns/:dag_run_id/result', { action: 'read', resource: 'dag_run' })
  @Answers(runResult)
  async result(@Param('dag_id') dagId: string, @Param('dag_run_id') runId: string): Promise<Answer<typeof runResult>> {
    const run = await this.lookups.run(dagId, runId);
    const document = await this.lookups.document(run.dag_version_id, dagId);
    if (document.resultTask === null) throw new MillraceError('not_found', `Dag ${dagId} has no result: its option resultTask names none of its tasks`);
    return { dag_id: dagId, dag_run_id: runId, state: run.state, result_task: document.resultTask, result: await this.runs.result(run.id) };
  }
}

/** null: nothing was said. @throws MillraceError for what is too large or cannot be stored */
function jsonOf(value: unknown, what: string): string | null {
  if (value === undefined) return null;
  const json = JSON.stringify(value);
  if (Buffer.byteLength(json) > XCOM_MAX_BYTES) throw new MillraceError('too_large', `${what} may have ${XCOM_MAX_BYTES} bytes of JSON, this one has ${Buffer.byteLength(json)}`);
  if (/(?<!\\)(?:\\\\)*\\u0000/.test(json)) throw new MillraceError('invalid', `${what} holds a NUL character, which PostgreSQL cannot store`);
  return json;
}
