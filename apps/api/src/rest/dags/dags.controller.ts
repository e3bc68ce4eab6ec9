import { Controller, Inject, Param, Query } from '@nestjs/common';
import { z } from 'zod';
import type { Actor } from '@millrace/access';
import { Database, DagsReader, NotesWriter, VersionsReader } from '@millrace/persistence';
import type { DagFilter } from '@millrace/persistence';
import type { Commands } from '@millrace/scheduling';
import { MillraceError, RUN_STATES } from '@millrace/vocabulary';
import { Lookups } from '../lookups.js';
import { Operation } from '../openapi/operation.js';
import type { AnswerTo } from '../openapi/operations.js';
import { CurrentActor } from '../security/token.guard.js';
import { COMMANDS, PAGE_LIMIT_MAX } from '../tokens.js';
import { pageFields, pageOf, query, rangeFields, rangeOf } from '../validation/fields.js';
import { ValidBody, ValidQuery } from '../validation/schema-pipe.js';
import { toDagDetailsResponse, toDagResponse } from './to-dag-response.js';

const runStates = z.preprocess((value) => (value === undefined ? undefined : Array.isArray(value) ? value : [value]), z.array(z.enum(RUN_STATES)).optional());

const dagFilters = z.object({
  tags: query.texts,
  tags_match_mode: z.enum(['any', 'all']).optional(),
  owners: query.texts,
  dag_id_pattern: query.text,
  dag_display_name_pattern: query.text,
  exclude_stale: query.boolean,
  paused: query.boolean,
  has_import_errors: query.boolean,
  last_dag_run_state: z.enum(RUN_STATES).optional(),
  bundle_name: query.text,
  bundle_version: query.text,
  has_asset_schedule: query.boolean,
  asset_dependency: query.text,
  dag_run_state: runStates,
  is_favorite: query.boolean,
  timetable_type: query.texts,
  ...rangeFields(['dag_run_start_date', 'dag_run_end_date'], query.instant),
});
const listQuery = dagFilters.extend(pageFields('dag_id'));
type ListQuery = z.infer<typeof listQuery>;

const patchBody = z.strictObject({ is_paused: z.boolean() });
const tagsQuery = z.object({ ...pageFields('name'), tag_name_pattern: query.text });
const statsQuery = z.object({ dag_ids: query.texts });

@Controller()
export class DagsController {
  constructor(
    @Inject(DagsReader) private readonly dags: DagsReader,
    @Inject(VersionsReader) private readonly versions: VersionsReader,
    @Inject(Lookups) private readonly lookups: Lookups,
    @Inject(NotesWriter) private readonly notes: NotesWriter,
    @Inject(COMMANDS) private readonly commands: Commands,
    @Inject(Database) private readonly database: Database,
    @Inject(PAGE_LIMIT_MAX) private readonly pageLimitMax: number,
  ) {}

  @Operation('get_dags')
  async getDags(@ValidQuery(listQuery) values: ListQuery, @CurrentActor() actor: Actor): Promise<AnswerTo<'get_dags'>> {
    const page = await this.dags.list(filterOf(values, actor), pageOf(values, this.pageLimitMax));
    return { dags: page.rows.map(toDagResponse), total_entries: page.total };
  }

  @Operation('get_dag')
  async getDag(@Param('dag_id') dagId: string): Promise<AnswerTo<'get_dag'>> {
    return toDagResponse(await this.lookups.dag(dagId));
  }

  @Operation('get_dag_details')
  async getDetails(@Param('dag_id') dagId: string, @CurrentActor() actor: Actor): Promise<AnswerTo<'get_dag_details'>> {
    const dag = await this.lookups.dag(dagId);
    const [document, version, activeRuns, isFavorite] = await Promise.all([
      this.lookups.currentDocument(dag),
      dag.current_version_id === null ? null : this.versions.byId(dag.current_version_id),
      this.dags.activeRuns(dagId),
      this.dags.isFavorite(actor.name, dagId),
    ]);
    return toDagDetailsResponse(dag, { document, version, activeRuns, isFavorite });
  }

  @Operation('patch_dag')
  async patchDag(@Param('dag_id') dagId: string, @ValidBody(patchBody) body: { is_paused: boolean }, @Query('update_mask') mask: string | string[] | undefined, @CurrentActor() actor: Actor): Promise<AnswerTo<'patch_dag'>> {
    checkMask(mask);
    await this.lookups.dag(dagId);
    await this.commands.setPaused(dagId, body.is_paused, actor.name);
    return toDagResponse(await this.lookups.dag(dagId));
  }

  @Operation('patch_dags')
  async patchDags(@ValidQuery(listQuery) values: ListQuery, @ValidBody(patchBody) body: { is_paused: boolean }, @Query('update_mask') mask: string | string[] | undefined, @CurrentActor() actor: Actor): Promise<AnswerTo<'patch_dags'>> {
    checkMask(mask);
    const filter = filterOf(values, actor);
    if (Object.entries(filter).every(([name, value]) => name === 'excludeStale' || value === undefined || isOpen(value))) {
      if (values.dag_id_pattern !== '~') throw new MillraceError('bad_request', 'Name the dags with a filter, or all of them with dag_id_pattern=~');
    }
    const page = await this.dags.list(filter, pageOf(values, this.pageLimitMax));
    for (const dag of page.rows) if (dag.is_paused !== body.is_paused) await this.commands.setPaused(dag.dag_id, body.is_paused, actor.name);
    return { dags: page.rows.map((dag) => toDagResponse({ ...dag, is_paused: body.is_paused })), total_entries: page.total };
  }

  @Operation('delete_dag')
  async deleteDag(@Param('dag_id') dagId: string): Promise<void> {
    await this.lookups.dag(dagId);
    if ((await this.dags.activeRuns(dagId)) > 0) throw new MillraceError('conflict', `Task instances of dag with id: '${dagId}' are still running`);
    await this.database.inTransaction((tx) => new NotesWriter(tx.client).deleteDag(dagId));
  }

  @Operation('favorite_dag')
  async favorite(@Param('dag_id') dagId: string, @CurrentActor() actor: Actor): Promise<void> {
    await this.lookups.dag(dagId);
    await this.notes.setFavorite(actor.name, dagId, true);
  }

  @Operation('unfavorite_dag')
  async unfavorite(@Param('dag_id') dagId: string, @CurrentActor() actor: Actor): Promise<void> {
    await this.lookups.dag(dagId);
    await this.notes.setFavorite(actor.name, dagId, false);
  }

  @Operation('get_dag_tags')
  async getTags(@ValidQuery(tagsQuery) values: z.infer<typeof tagsQuery>): Promise<AnswerTo<'get_dag_tags'>> {
    const page = await this.dags.tags(values.tag_name_pattern, pageOf(values, this.pageLimitMax));
    return { tags: page.rows.map((row) => row.name), total_entries: page.total };
  }

  @Operation('get_dag_stats')
  async getStats(@ValidQuery(statsQuery) values: z.infer<typeof statsQuery>): Promise<AnswerTo<'get_dag_stats'>> {
    const rows = await this.dags.runCounts(values.dag_ids ?? []);
    const names = new Map(rows.map((row) => [row.dag_id, row.dag_display_name]));
    const counts = new Map(rows.map((row) => [`${row.dag_id}/${row.state}`, row.count]));
    const dags = [...names].map(([dag_id, dag_display_name]) => ({
      dag_id,
      dag_display_name,
      stats: RUN_STATES.map((state) => ({ state, count: counts.get(`${dag_id}/${state}`) ?? 0 })),
    }));
    return { dags, total_entries: dags.length };
  }
}

function filterOf(values: ListQuery, actor: Actor): DagFilter {
  return {
    tags: values.tags,
    tagsMatchAll: values.tags_match_mode === 'all',
    owners: values.owners,
    dagIdPattern: values.dag_id_pattern,
    displayNamePattern: values.dag_display_name_pattern,
    excludeStale: values.exclude_stale ?? true,
    paused: values.paused,
    hasImportErrors: values.has_import_errors,
    lastRunState: values.last_dag_run_state,
    bundleName: values.bundle_name,
    bundleVersion: values.bundle_version,
    hasAssetSchedule: values.has_asset_schedule,
    assetDependency: values.asset_dependency,
    runStates: values.dag_run_state,
    runStart: rangeOf(values, 'dag_run_start_date'),
    runEnd: rangeOf(values, 'dag_run_end_date'),
    scheduleKinds: values.timetable_type,
    favorite: values.is_favorite === undefined ? undefined : { user: actor.name, is: values.is_favorite },
  };
}

/** A filter that filters nothing: false, an empty list, or a range without bounds. */
function isOpen(value: unknown): boolean {
  if (value === false || value === '~') return true;
  return typeof value === 'object' && value !== null && Object.values(value).every((part) => part === undefined);
}

function checkMask(mask: string | string[] | undefined): void {
  const names = mask === undefined ? [] : [mask].flat();
  if (names.some((name) => name !== 'is_paused')) throw new MillraceError('bad_request', 'Only `is_paused` field can be updated through the REST API');
}
