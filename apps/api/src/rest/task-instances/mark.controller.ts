import { Controller, Inject, Param } from '@nestjs/common';
import { z } from 'zod';
import type { Actor } from '@millrace/access';
import { InstancesReader, NotesWriter } from '@millrace/persistence';
import type { InstanceView } from '@millrace/persistence';
import type { Commands, SelectedInstance } from '@millrace/scheduling';
import { ERRORS, INSTANCE_STATES, MillraceError } from '@millrace/vocabulary';
import { maskedFields } from '../dag-runs/dag-runs.controller.js';
import { Lookups } from '../lookups.js';
import { Operation } from '../openapi/operation.js';
import type { AnswerTo } from '../openapi/operations.js';
import { Actors } from '../security/actors.js';
import { CurrentActor } from '../security/token.guard.js';
import { COMMANDS } from '../tokens.js';
import { query } from '../validation/fields.js';
import { integerPath } from '../validation/integer-path.js';
import { RequestError } from '../validation/request-error.js';
import { ValidBody, ValidQuery } from '../validation/schema-pipe.js';
import { InstanceAnswers } from './instance-answers.js';

const patchBody = z.strictObject({
  new_state: z.enum(INSTANCE_STATES).nullish(),
  note: z.string().max(1_000, 'Note length exceeds the maximum of 1000 characters').nullish(),
  include_upstream: z.boolean().default(false),
  include_downstream: z.boolean().default(false),
  include_future: z.boolean().default(false),
  include_past: z.boolean().default(false),
});
type PatchBody = z.infer<typeof patchBody>;
const patchQuery = z.object({ map_index: query.integer, update_mask: query.texts });
const maskQuery = z.object({ update_mask: query.texts });
type PatchQuery = z.infer<typeof patchQuery>;

const entity = z.strictObject({
  task_id: z.string(), map_index: z.number().int().nullish(), dag_id: z.string().nullish(), dag_run_id: z.string().nullish(),
  new_state: z.enum(INSTANCE_STATES).nullish(), note: z.string().max(1_000, 'Note length exceeds the maximum of 1000 characters').nullish(),
  include_upstream: z.boolean().default(false), include_downstream: z.boolean().default(false), include_future: z.boolean().default(false), include_past: z.boolean().default(false),
});
type Entity = z.infer<typeof entity>;
const bulkBody = z.strictObject({
  actions: z.array(z.discriminatedUnion('action', [
    z.strictObject({ action: z.literal('create'), entities: z.array(z.unknown()), action_on_existence: z.string().optional() }),
    z.strictObject({ action: z.literal('update'), entities: z.array(entity), update_mask: z.array(z.string()).nullish(), action_on_non_existence: z.enum(['fail', 'skip']).default('fail') }),
    z.strictObject({ action: z.literal('delete'), entities: z.array(z.union([z.string(), entity])), action_on_non_existence: z.enum(['fail', 'skip']).default('fail') }),
  ])),
});
type BulkResult = { success: string[]; errors: { error: string; status_code: number }[] };

const MARKABLE = ['success', 'failed', 'skipped'] as const;
type Markable = (typeof MARKABLE)[number];

/** Setting an instance's state or note by hand, with or without its neighbours. */
@Controller()
export class MarkController {
  constructor(
    @Inject(Lookups) private readonly lookups: Lookups,
    @Inject(InstancesReader) private readonly instances: InstancesReader,
    @Inject(NotesWriter) private readonly notes: NotesWriter,
    @Inject(COMMANDS) private readonly commands: Commands,
    @Inject(Actors) private readonly actors: Actors,
    @Inject(InstanceAnswers) private readonly answers: InstanceAnswers,
  ) {}

  @Operation('patch_task_instance')
  async patch(@Param('dag_id') dagId: string, @Param('dag_run_id') runId: string, @Param('task_id') taskId: string, @ValidBody(patchBody) body: PatchBody, @ValidQuery(patchQuery) values: PatchQuery, @CurrentActor() actor: Actor): Promise<AnswerTo<'patch_task_instance'>> {
    return this.#patch(dagId, runId, taskId, values.map_index, body, values.update_mask, actor);
  }

  @Operation('patch_task_instance_by_map_index')
  async patchMapped(
    @Param('dag_id') dagId: string, @Param('dag_run_id') runId: string, @Param('task_id') taskId: string, @Param('map_index', integerPath) mapIndex: number,
    @ValidBody(patchBody) body: PatchBody, @ValidQuery(patchQuery) values: PatchQuery, @CurrentActor() actor: Actor,
  ): Promise<AnswerTo<'patch_task_instance_by_map_index'>> {
    return this.#patch(dagId, runId, taskId, mapIndex, body, values.update_mask, actor);
  }

  @Operation('patch_task_instance_dry_run')
  async dryRun(@Param('dag_id') dagId: string, @Param('dag_run_id') runId: string, @Param('task_id') taskId: string, @ValidBody(patchBody) body: PatchBody, @ValidQuery(patchQuery) values: PatchQuery): Promise<AnswerTo<'patch_task_instance_dry_run'>> {
    return this.#dryRun(dagId, runId, taskId, values.map_index, body);
  }

  @Operation('patch_task_instance_dry_run_by_map_index')
  async dryRunMapped(@Param('dag_id') dagId: string, @Param('dag_run_id') runId: string, @Param('task_id') taskId: string, @Param('map_index', integerPath) mapIndex: number, @ValidBody(patchBody) body: PatchBody, @ValidQuery(maskQuery) _values: unknown): Promise<AnswerTo<'patch_task_instance_dry_run_by_map_index'>> {
    return this.#dryRun(dagId, runId, taskId, mapIndex, body);
  }

  /** With its history; only of a run that has ended. */
  @Operation('delete_task_instance')
  async remove(@Param('dag_id') dagId: string, @Param('dag_run_id') runId: string, @Param('task_id') taskId: string, @ValidQuery(patchQuery) values: PatchQuery, @CurrentActor() actor: Actor): Promise<AnswerTo<'delete_task_instance'>> {
    await this.#delete(dagId, runId, taskId, values.map_index ?? -1, actor);
    return null;
  }

  /** Each entity by itself: what can be done is done, and what cannot is told beside it. */
  @Operation('bulk_task_instances')
  async bulk(@Param('dag_id') dagId: string, @Param('dag_run_id') runId: string, @ValidBody(bulkBody) body: z.infer<typeof bulkBody>, @CurrentActor() actor: Actor): Promise<AnswerTo<'bulk_task_instances'>> {
    const results: Partial<Record<'create' | 'update' | 'delete', BulkResult>> = {};
    for (const action of body.actions) if (action.action === 'delete') await this.actors.as({ action: 'delete', resource: 'task_instance' }, async () => undefined);
    for (const action of body.actions) {
      const result = (results[action.action] ??= { success: [], errors: [] });
      if (action.action === 'create') {
        result.errors.push({ error: 'Task instances bulk create is not supported', status_code: 405 });
        continue;
      }
      for (const named of action.entities) {
        const one: Entity = typeof named === 'string' ? entity.parse({ task_id: named }) : named;
        const dag = dagId === '~' ? (one.dag_id ?? '') : dagId;
        const run = runId === '~' ? (one.dag_run_id ?? '') : runId;
        try {
          if (action.action === 'delete') await this.actors.as({ action: 'delete', resource: 'task_instance' }, () => this.#delete(dag, run, one.task_id, one.map_index ?? -1, actor));
          else {
            const { task_id: taskId, map_index: mapIndex, dag_id: _dag, dag_run_id: _run, ...patch } = one;
            await this.#patch(dag, run, taskId, mapIndex ?? undefined, patch, action.update_mask ?? undefined, actor);
          }
          result.success.push(`${dag}.${run}.${one.task_id}[${one.map_index ?? -1}]`);
        } catch (error) {
          if (!(error instanceof MillraceError) && !(error instanceof RequestError)) throw error;
          const isMissing = error instanceof MillraceError && ERRORS[error.code].http === 404;
          if (isMissing && action.action_on_non_existence === 'skip') continue;
          result.errors.push({ error: error.message, status_code: error instanceof MillraceError ? ERRORS[error.code].http : 422 });
        }
      }
    }
    return { create: results.create ?? null, update: results.update ?? null, delete: results.delete ?? null };
  }

  async #delete(dagId: string, runId: string, taskId: string, mapIndex: number, actor: Actor): Promise<void> {
    const instance = await this.lookups.startedInstance(dagId, runId, taskId, mapIndex);
    const run = await this.lookups.run(dagId, runId);
    await this.commands.deleteInstances(run.id, [instance.id], actor.name);
  }

  async #patch(dagId: string, runId: string, taskId: string, mapIndex: number | undefined, body: PatchBody, mask: readonly string[] | undefined, actor: Actor): Promise<AnswerTo<'patch_task_instance'>> {
    if (body.new_state !== undefined && (mask === undefined || mask.includes('new_state'))) markable(body.new_state);
    const named = await this.#named(dagId, runId, taskId, mapIndex);
    const fields = maskedFields(mask === undefined ? undefined : [...mask], ['new_state', 'note', 'include_upstream', 'include_downstream', 'include_future', 'include_past'], Object.keys(body));
    let ids: readonly string[] = named;
    if (fields.has('new_state') && body.new_state !== undefined) {
      const state = markable(body.new_state);
      const changed = (await this.#select(dagId, runId, taskId, mapIndex, body)).filter((instance) => instance.state !== state);
      if (changed.length > 0) await this.commands.markInstances(changed.map((instance) => instance.id), state, actor.name);
      ids = [...new Set([...named, ...changed.map((instance) => instance.id)])];
    }
    if (fields.has('note') && body.note !== undefined) await this.notes.setInstanceNotes(named, body.note);
    return this.answers.collection(ids);
  }

  async #dryRun(dagId: string, runId: string, taskId: string, mapIndex: number | undefined, body: PatchBody): Promise<AnswerTo<'patch_task_instance'>> {
    const state = markable(body.new_state);
    const rows = await this.#rows(dagId, runId, taskId, mapIndex);
    if (rows.some((row) => row.is_planned)) return { task_instances: await this.answers.of(rows), total_entries: rows.length };
    const selected = await this.#select(dagId, runId, taskId, mapIndex, body);
    return this.answers.collection(selected.filter((instance) => instance.state !== state).map((instance) => instance.id));
  }

  /** Ids of what the path names: one instance, or without an index all of a mapped task. */
  async #named(dagId: string, runId: string, taskId: string, mapIndex: number | undefined): Promise<readonly string[]> {
    let rows = await this.#rows(dagId, runId, taskId, mapIndex);
    // Its run has not started: what is said of its instances needs them stored.
    if (rows.some((row) => row.is_planned)) {
      await this.commands.makeInstances([(await this.lookups.run(dagId, runId)).id]);
      rows = await this.#rows(dagId, runId, taskId, mapIndex);
    }
    return rows.map((row) => row.id);
  }

  async #rows(dagId: string, runId: string, taskId: string, mapIndex: number | undefined): Promise<readonly InstanceView[]> {
    await this.lookups.run(dagId, runId);
    if (mapIndex !== undefined) return [await this.lookups.instance(dagId, runId, taskId, mapIndex)];
    const rows = await this.instances.ofTask(dagId, runId, taskId);
    if (rows.length === 0) throw new MillraceError('instance_not_found', `The Task Instance with dag_id: \`${dagId}\`, run_id: \`${runId}\` and task_id: \`${taskId}\` was not found`);
    return rows;
  }

  #select(dagId: string, runId: string, taskId: string, mapIndex: number | undefined, body: PatchBody): Promise<readonly SelectedInstance[]> {
    return this.commands.selectInstances({
      dagId,
      runId,
      tasks: [mapIndex === undefined || mapIndex < 0 ? taskId : [taskId, mapIndex]],
      includeUpstream: body.include_upstream,
      includeDownstream: body.include_downstream,
      includePast: body.include_past,
      includeFuture: body.include_future,
      withoutSetups: true,
    });
  }
}

function markable(state: string | null | undefined): Markable {
  if (MARKABLE.includes(state as Markable)) return state as Markable;
  throw RequestError.single(['body', 'new_state'], `'${state ?? 'null'}' is not one of ['${MARKABLE.join("', '")}']`, state ?? null);
}
