import { Controller, Inject, Param } from '@nestjs/common';
import { z } from 'zod';
import type { Actor } from '@millrace/access';
import { BackfillsReader } from '@millrace/persistence';
import type { BackfillRow } from '@millrace/persistence';
import type { Commands } from '@millrace/scheduling';
import { MillraceError, REPROCESS_BEHAVIORS } from '@millrace/vocabulary';
import type { BackfillState } from '@millrace/vocabulary';
import { instantText } from '../answers.js';
import { Lookups } from '../lookups.js';
import type { Answer } from '../openapi/answer-schemas.js';
import { Answers, Operation, Route } from '../openapi/operation.js';
import type { AnswerTo } from '../openapi/operations.js';
import { CurrentActor } from '../security/token.guard.js';
import { COMMANDS, PAGE_LIMIT_MAX } from '../tokens.js';
import { instant, pageFields, pageOf } from '../validation/fields.js';
import { integerPath } from '../validation/integer-path.js';
import { ValidBody, ValidQuery } from '../validation/schema-pipe.js';
import { backfill, backfillDates, backfillPreview, backfillProgress } from './backfill-schemas.js';
import type { BackfillAnswer } from './backfill-schemas.js';

const listQuery = z.object({ ...pageFields('id'), dag_id: z.preprocess((value) => (Array.isArray(value) ? value.at(-1) : value), z.string('Field required').max(250)) });
const datesQuery = z.object({ ...pageFields('ordinal') });
const createBody = z
  .strictObject({
    dag_id: z.string(),
    from_date: instant,
    to_date: instant,
    run_backwards: z.boolean().default(false),
    dag_run_conf: z.record(z.string(), z.unknown(), 'Input should be a valid dictionary').nullish(),
    reprocess_behavior: z.enum(REPROCESS_BEHAVIORS).default('none'),
    max_active_runs: z.number().int().min(1).default(10),
    run_on_latest_version: z.boolean().default(true),
  })
  .refine((body) => body.to_date >= body.from_date, 'to_date is before from_date');
type CreateBody = z.infer<typeof createBody>;

@Controller()
export class BackfillsController {
  constructor(
    @Inject(BackfillsReader) private readonly backfills: BackfillsReader,
    @Inject(Lookups) private readonly lookups: Lookups,
    @Inject(COMMANDS) private readonly commands: Commands,
    @Inject(PAGE_LIMIT_MAX) private readonly pageLimitMax: number,
  ) {}

  @Operation('list_backfills')
  async list(@ValidQuery(listQuery) values: z.infer<typeof listQuery>): Promise<AnswerTo<'list_backfills'>> {
    const page = await this.backfills.list(values.dag_id, pageOf(values, this.pageLimitMax));
    return { backfills: page.rows.map(toResponse), total_entries: page.total };
  }

  @Operation('get_backfill')
  async get(@Param('backfill_id', integerPath) id: number): Promise<AnswerTo<'get_backfill'>> {
    return toResponse(await this.#find(id));
  }

  @Operation('create_backfill')
  async create(@ValidBody(createBody) body: CreateBody, @CurrentActor() actor: Actor): Promise<AnswerTo<'create_backfill'>> {
    await this.lookups.dag(body.dag_id);
    const plan = await this.commands.createBackfill(inputOf(body, actor), false);
    return toResponse(await this.#find(plan.backfillId!));
  }

  @Operation('create_backfill_dry_run')
  async dryRun(@ValidBody(createBody) body: CreateBody, @CurrentActor() actor: Actor): Promise<AnswerTo<'create_backfill_dry_run'>> {
    await this.lookups.dag(body.dag_id);
    const plan = await this.commands.createBackfill(inputOf(body, actor), true);
    const runs = plan.runs.filter((run) => run.action !== 'skip');
    return { backfills: runs.map((run) => ({ logical_date: run.partition === null ? instantText(run.logicalDate) : null, partition_key: run.partition?.key ?? null, partition_date: instantText(run.partition?.date ?? null) })), total_entries: runs.length };
  }

  /** The dry run with what stands against a date, and counts. */
  @Route('POST', '/api/millrace/v1/backfills/dry_run', { action: 'create', resource: 'backfill' })
  @Answers(backfillPreview)
  async preview(@ValidBody(createBody) body: CreateBody, @CurrentActor() actor: Actor): Promise<Answer<typeof backfillPreview>> {
    await this.lookups.dag(body.dag_id);
    const { runs } = await this.commands.createBackfill(inputOf(body, actor), true);
    const counts = { create: 0, clear: 0, skip: 0 };
    for (const run of runs) counts[run.action]++;
    return {
      runs: runs.map((run) => ({
        logical_date: instantText(run.logicalDate), data_interval_start: instantText(run.dataIntervalStart), data_interval_end: instantText(run.dataIntervalEnd), partition_key: run.partition?.key ?? null,
        action: run.action, existing_state: run.existingState, exception_reason: run.exceptionReason, why: run.why,
      })),
      counts,
      total_entries: runs.length,
    };
  }

  /** A backfill with how far it is. */
  @Route('GET', '/api/millrace/v1/backfills/:backfill_id', { action: 'read', resource: 'backfill' })
  @Answers(backfillProgress)
  async progress(@Param('backfill_id', integerPath) id: number): Promise<Answer<typeof backfillProgress>> {
    const row = await this.#find(id);
    const { dates, runs, skipped, deleted } = await this.backfills.progress(id);
    return {
      ...toResponse(row), state: stateOf(row), run_backwards: row.run_backwards, run_on_latest_version: row.run_on_latest_version, triggering_user_name: row.triggering_user_name,
      cancelled_at: instantText(row.cancelled_at), dates, done: runs.success + runs.failed, runs, skipped, deleted,
    };
  }

  /** Each date with its run, or why it has none. */
  @Route('GET', '/api/millrace/v1/backfills/:backfill_id/dates', { action: 'read', resource: 'backfill' })
  @Answers(backfillDates)
  async dates(@Param('backfill_id', integerPath) id: number, @ValidQuery(datesQuery) values: z.infer<typeof datesQuery>): Promise<Answer<typeof backfillDates>> {
    await this.#find(id);
    const page = await this.backfills.dates(id, pageOf(values, this.pageLimitMax));
    return { dates: page.rows.map((row) => ({ ...row, logical_date: instantText(row.logical_date) })), total_entries: page.total };
  }

  /** The words of `airflowctl`, which sends a POST where Airflow's own document says PUT. */
  @Route('POST', '/api/v2/backfills/:backfill_id/pause', { action: 'edit', resource: 'backfill' })
  @Answers(backfill)
  async pauseByPost(@Param('backfill_id', integerPath) id: number, @CurrentActor() actor: Actor): Promise<Answer<typeof backfill>> {
    return this.pause(id, actor);
  }

  @Route('POST', '/api/v2/backfills/:backfill_id/unpause', { action: 'edit', resource: 'backfill' })
  @Answers(backfill)
  async unpauseByPost(@Param('backfill_id', integerPath) id: number, @CurrentActor() actor: Actor): Promise<Answer<typeof backfill>> {
    return this.unpause(id, actor);
  }

  @Route('POST', '/api/v2/backfills/:backfill_id/cancel', { action: 'edit', resource: 'backfill' })
  @Answers(backfill)
  async cancelByPost(@Param('backfill_id', integerPath) id: number, @CurrentActor() actor: Actor): Promise<Answer<typeof backfill>> {
    return this.cancel(id, actor);
  }

  @Operation('pause_backfill')
  async pause(@Param('backfill_id', integerPath) id: number, @CurrentActor() actor: Actor): Promise<AnswerTo<'pause_backfill'>> {
    return this.#setPaused(id, true, actor);
  }

  @Operation('unpause_backfill')
  async unpause(@Param('backfill_id', integerPath) id: number, @CurrentActor() actor: Actor): Promise<AnswerTo<'unpause_backfill'>> {
    return this.#setPaused(id, false, actor);
  }

  @Operation('cancel_backfill')
  async cancel(@Param('backfill_id', integerPath) id: number, @CurrentActor() actor: Actor): Promise<AnswerTo<'cancel_backfill'>> {
    const backfill = await this.#find(id);
    if (backfill.completed_at !== null || backfill.cancelled_at !== null) throw new MillraceError('conflict', `Backfill is already ${backfill.cancelled_at === null ? 'completed' : 'cancelled'}.`);
    await this.commands.cancelBackfill(id, actor.name);
    return toResponse(await this.#find(id));
  }

  async #setPaused(id: number, paused: boolean, actor: Actor): Promise<BackfillAnswer> {
    const backfill = await this.#find(id);
    if (backfill.completed_at !== null || backfill.cancelled_at !== null) throw new MillraceError('conflict', `Backfill is already ${backfill.cancelled_at === null ? 'completed' : 'cancelled'}.`);
    await this.commands.setBackfillPaused(id, paused, actor.name);
    return toResponse(await this.#find(id));
  }

  async #find(id: number): Promise<BackfillRow> {
    const found = await this.backfills.find(id);
    if (found === null) throw new MillraceError('not_found', `Could not find backfill with id ${id}`);
    return found;
  }
}

function inputOf(body: CreateBody, actor: Actor) {
  return {
    dagId: body.dag_id,
    fromDate: body.from_date,
    toDate: body.to_date,
    runBackwards: body.run_backwards,
    conf: body.dag_run_conf ?? {},
    reprocessBehavior: body.reprocess_behavior,
    maxActiveRuns: body.max_active_runs,
    runOnLatestVersion: body.run_on_latest_version,
    actor: actor.name,
  };
}

function stateOf(row: BackfillRow): BackfillState {
  if (row.cancelled_at !== null) return 'cancelled';
  if (row.completed_at !== null) return 'completed';
  return row.is_paused ? 'paused' : 'running';
}

function toResponse(row: BackfillRow): BackfillAnswer {
  return {
    id: row.id,
    dag_id: row.dag_id,
    from_date: instantText(row.from_date),
    to_date: instantText(row.to_date),
    dag_run_conf: row.dag_run_conf,
    is_paused: row.is_paused,
    reprocess_behavior: row.reprocess_behavior,
    max_active_runs: row.max_active_runs,
    created_at: instantText(row.created_at),
    completed_at: instantText(row.completed_at),
    updated_at: instantText(row.updated_at),
    dag_display_name: row.dag_display_name,
  };
}
