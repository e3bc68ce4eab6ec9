import { Controller, Inject, Param } from '@nestjs/common';
import { z } from 'zod';
import type { Actor } from '@millrace/access';
import { InstancesReader, NotesWriter } from '@millrace/persistence';
import type { Commands, SelectedInstance } from '@millrace/scheduling';
import { INSTANCE_STATES, MillraceError } from '@millrace/vocabulary';
import { maskedFields } from '../dag-runs/dag-runs.controller.js';
import { Lookups, notStarted } from '../lookups.js';
import { Operation } from '../openapi/operation.js';
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
type PatchQuery = z.infer<typeof patchQuery>;

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
    @Inject(InstanceAnswers) private readonly answers: InstanceAnswers,
  ) {}

  @Operation('patch_task_instance')
  async patch(@Param('dag_id') dagId: string, @Param('dag_run_id') runId: string, @Param('task_id') taskId: string, @ValidBody(patchBody) body: PatchBody, @ValidQuery(patchQuery) values: PatchQuery, @CurrentActor() actor: Actor): Promise<unknown> {
    return this.#patch(dagId, runId, taskId, values.map_index, body, values.update_mask, actor);
  }

  @Operation('patch_task_instance_by_map_index')
  async patchMapped(
    @Param('dag_id') dagId: string, @Param('dag_run_id') runId: string, @Param('task_id') taskId: string, @Param('map_index', integerPath) mapIndex: number,
    @ValidBody(patchBody) body: PatchBody, @ValidQuery(patchQuery) values: PatchQuery, @CurrentActor() actor: Actor,
  ): Promise<unknown> {
    return this.#patch(dagId, runId, taskId, mapIndex, body, values.update_mask, actor);
  }

  @Operation('patch_task_instance_dry_run')
  async dryRun(@Param('dag_id') dagId: string, @Param('dag_run_id') runId: string, @Param('task_id') taskId: string, @ValidBody(patchBody) body: PatchBody, @ValidQuery(patchQuery) values: PatchQuery): Promise<unknown> {
    return this.#dryRun(dagId, runId, taskId, values.map_index, body);
  }

  @Operation('patch_task_instance_dry_run_by_map_index')
  async dryRunMapped(@Param('dag_id') dagId: string, @Param('dag_run_id') runId: string, @Param('task_id') taskId: string, @Param('map_index', integerPath) mapIndex: number, @ValidBody(patchBody) body: PatchBody): Promise<unknown> {
    return this.#dryRun(dagId, runId, taskId, mapIndex, body);
  }

  async #patch(dagId: string, runId: string, taskId: string, mapIndex: number | undefined, body: PatchBody, mask: readonly string[] | undefined, actor: Actor): Promise<unknown> {
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

  async #dryRun(dagId: string, runId: string, taskId: string, mapIndex: number | undefined, body: PatchBody): Promise<unknown> {
    await this.#named(dagId, runId, taskId, mapIndex);
    const state = markable(body.new_state);
    const selected = await this.#select(dagId, runId, taskId, mapIndex, body);
    return this.answers.collection(selected.filter((instance) => instance.state !== state).map((instance) => instance.id));
  }

  /** Ids of what the path names: one instance, or without an index all of a mapped task. */
  async #named(dagId: string, runId: string, taskId: string, mapIndex: number | undefined): Promise<readonly string[]> {
    if (mapIndex !== undefined) return [(await this.lookups.startedInstance(dagId, runId, taskId, mapIndex)).id];
    await this.lookups.run(dagId, runId);
    const rows = await this.instances.ofTask(dagId, runId, taskId);
    if (rows.length === 0) throw new MillraceError('instance_not_found', `The Task Instance with dag_id: \`${dagId}\`, run_id: \`${runId}\` and task_id: \`${taskId}\` was not found`);
    if (rows.some((row) => row.is_planned)) throw notStarted(dagId, runId);
    return rows.map((row) => row.id);
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
    });
  }
}

function markable(state: string | null | undefined): Markable {
  if (MARKABLE.includes(state as Markable)) return state as Markable;
  throw RequestError.single(['body', 'new_state'], `'${state ?? 'null'}' is not one of ['${MARKABLE.join("', '")}']`, state ?? null);
}
