import { Controller, Inject, Param } from '@nestjs/common';
import { z } from 'zod';
import type { Actor } from '@millrace/access';
import { InstancesReader, QuestionsReader } from '@millrace/persistence';
import type { QuestionRow } from '@millrace/persistence';
import type { Commands } from '@millrace/scheduling';
import { MillraceError } from '@millrace/vocabulary';
import { instantText } from '../answers.js';
import { Lookups } from '../lookups.js';
import { Operation } from '../openapi/operation.js';
import type { AnswerTo } from '../openapi/operations.js';
import { CurrentActor } from '../security/token.guard.js';
import { InstanceAnswers } from '../task-instances/instance-answers.js';
import { COMMANDS, PAGE_LIMIT_MAX } from '../tokens.js';
import { pageFields, pageOf, query, rangeFields, rangeOf } from '../validation/fields.js';
import { integerPath } from '../validation/integer-path.js';
import { ValidBody, ValidQuery } from '../validation/schema-pipe.js';
import { toQuestionResponse } from './to-question-response.js';
import type { HitlAnswer } from './question-schemas.js';

const listQuery = z.object({
  ...pageFields('ti_id'),
  dag_id_pattern: query.text,
  task_id: query.text,
  task_id_pattern: query.text,
  map_index: query.integer,
  state: query.texts,
  response_received: query.boolean,
  responded_by_user_id: query.texts,
  responded_by_user_name: query.texts,
  subject_search: query.text,
  body_search: query.text,
  ...rangeFields(['created_at'], query.instant),
});
const answerBody = z.object({ chosen_options: z.array(z.string().max(10_000)).min(1).max(1_000), params_input: z.record(z.string(), z.unknown()).default({}) });

/** What tasks ask people, and the answers. */
@Controller()
export class QuestionsController {
  constructor(
    @Inject(QuestionsReader) private readonly questions: QuestionsReader,
    @Inject(InstancesReader) private readonly instances: InstancesReader,
    @Inject(InstanceAnswers) private readonly answers: InstanceAnswers,
    @Inject(Lookups) private readonly lookups: Lookups,
    @Inject(COMMANDS) private readonly commands: Commands,
    @Inject(PAGE_LIMIT_MAX) private readonly pageLimitMax: number,
  ) {}

  @Operation('get_hitl_details')
  async getDetails(@Param('dag_id') dagId: string, @Param('dag_run_id') runId: string, @ValidQuery(listQuery) values: z.infer<typeof listQuery>): Promise<AnswerTo<'get_hitl_details'>> {
    if (dagId !== '~' && runId !== '~') await this.lookups.run(dagId, runId);
    const page = await this.questions.list(
      {
        dagId: anyOr(dagId), runId: anyOr(runId), dagIdPattern: values.dag_id_pattern, taskId: values.task_id, taskIdPattern: values.task_id_pattern, mapIndex: values.map_index, states: values.state,
        isAnswered: values.response_received, respondedByIds: values.responded_by_user_id, respondedByNames: values.responded_by_user_name, subjectPattern: values.subject_search,
        bodyPattern: values.body_search, createdAt: rangeOf(values, 'created_at'),
      },
      pageOf(values, this.pageLimitMax),
    );
    return { hitl_details: await this.#responses(page.rows), total_entries: page.total };
  }

  @Operation('get_hitl_detail')
  async getDetail(@Param('dag_id') dagId: string, @Param('dag_run_id') runId: string, @Param('task_id') taskId: string, @Param('map_index', integerPath) mapIndex: number): Promise<AnswerTo<'get_hitl_detail'>> {
    const instance = await this.lookups.instance(dagId, runId, taskId, mapIndex);
    const found = await this.questions.find(instance.id, instance.try_number);
    if (found === null) throw missing(dagId, runId, taskId, mapIndex);
    return toQuestionResponse(found, await this.answers.one(instance));
  }

  @Operation('get_hitl_detail_try_detail')
  async getTryDetail(
    @Param('dag_id') dagId: string, @Param('dag_run_id') runId: string, @Param('task_id') taskId: string, @Param('map_index', integerPath) mapIndex: number, @Param('try_number', integerPath) tryNumber: number,
  ): Promise<AnswerTo<'get_hitl_detail_try_detail'>> {
    const instance = await this.lookups.instance(dagId, runId, taskId, mapIndex);
    const found = await this.questions.find(instance.id, tryNumber);
    const made = (await this.instances.tries(instance.id)).find((row) => row.try_number === tryNumber);
    if (found === null || made === undefined) throw missing(dagId, runId, taskId, mapIndex, tryNumber);
    return toQuestionResponse(found, (await this.answers.tries([made]))[0]!);
  }

  @Operation('update_hitl_detail')
  async answer(
    @Param('dag_id') dagId: string, @Param('dag_run_id') runId: string, @Param('task_id') taskId: string, @Param('map_index', integerPath) mapIndex: number,
    @ValidBody(answerBody) body: z.infer<typeof answerBody>, @CurrentActor() actor: Actor,
  ): Promise<AnswerTo<'update_hitl_detail'>> {
    const instance = await this.lookups.instance(dagId, runId, taskId, mapIndex);
    const by = { id: actor.name, name: actor.name };
    const answered = await this.commands.waiting.answer(instance.id, { chosenOptions: body.chosen_options, paramsInput: body.params_input }, by, { dagId, runId, taskId });
    return { responded_by: by, responded_at: instantText(answered.respondedAt), chosen_options: answered.chosenOptions, params_input: answered.paramsInput };
  }

  async #responses(rows: readonly QuestionRow[]): Promise<readonly HitlAnswer[]> {
    const views = rows.length === 0 ? [] : await this.instances.byIds(rows.map((row) => row.instance_id));
    const shown = await this.answers.of(views);
    const byId = new Map(views.map((view, index) => [view.id, shown[index]!]));
    return rows.flatMap((row) => {
      const instance = byId.get(row.instance_id);
      // Deleted between the two reads.
      return instance === undefined ? [] : [toQuestionResponse(row, instance)];
    });
  }
}

function missing(dagId: string, runId: string, taskId: string, mapIndex: number, tryNumber?: number): MillraceError {
  const which = tryNumber === undefined ? '' : `, try_number: \`${tryNumber}\``;
  return new MillraceError('not_found', `Human-in-the-loop detail not found: dag_id: \`${dagId}\`, run_id: \`${runId}\`, task_id: \`${taskId}\`, map_index: \`${mapIndex}\`${which}`);
}

function anyOr(id: string): string | undefined {
  return id === '~' ? undefined : id;
}
