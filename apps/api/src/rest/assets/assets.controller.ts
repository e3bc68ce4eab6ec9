import { Controller, Inject, Param } from '@nestjs/common';
import { z } from 'zod';
import type { Actor } from '@millrace/access';
import { AssetsReader } from '@millrace/persistence';
import type { AssetRow } from '@millrace/persistence';
import type { Commands } from '@millrace/scheduling';
import { MillraceError, PARTITION_KEY_MAX_LENGTH } from '@millrace/vocabulary';
import { toRunResponse } from '../dag-runs/to-run-response.js';
import { Lookups } from '../lookups.js';
import { Operation } from '../openapi/operation.js';
import type { AnswerTo } from '../openapi/operations.js';
import { CurrentActor } from '../security/token.guard.js';
import { COMMANDS, PAGE_LIMIT_MAX } from '../tokens.js';
import { instant, pageFields, pageOf, query, rangeFields, rangeOf } from '../validation/fields.js';
import { integerPath } from '../validation/integer-path.js';
import { ValidBody, ValidQuery } from '../validation/schema-pipe.js';
import { toAssetEventResponse, toAssetResponse } from './to-asset-response.js';

const assetsQuery = z.object({ ...pageFields('id'), name_pattern: query.text, uri_pattern: query.text, dag_ids: query.texts, only_active: query.boolean });
const aliasesQuery = z.object({ ...pageFields('id'), name_pattern: query.text });
const eventsQuery = z.object({
  ...pageFields('timestamp'), asset_id: query.integer, source_dag_id: query.text, source_task_id: query.text, source_run_id: query.text, source_map_index: query.integer, name_pattern: query.text,
  ...rangeFields(['timestamp'], query.instant),
});
const partitionKey = z.string().min(1).max(PARTITION_KEY_MAX_LENGTH).nullish();
const eventBody = z.strictObject({ asset_id: z.number().int(), extra: z.record(z.string(), z.unknown(), 'Input should be a valid dictionary').default({}), partition_key: partitionKey });
const materializeBody = z
  .strictObject({
    dag_run_id: z.string().max(250).nullish(),
    logical_date: instant.nullish(),
    data_interval_start: instant.nullish(),
    data_interval_end: instant.nullish(),
    run_after: instant.nullish(),
    conf: z.record(z.string(), z.unknown(), 'Input should be a valid dictionary').nullish(),
    note: z.string().max(1_000, 'Note length exceeds the maximum of 1000 characters').nullish(),
    partition_key: partitionKey,
  })
  .refine((body) => (body.data_interval_start == null) === (body.data_interval_end == null), 'Either both data_interval_start and data_interval_end must be provided or both must be None')
  .nullish();

/** Assets, aliases and their events. */
@Controller()
export class AssetsController {
  constructor(
    @Inject(AssetsReader) private readonly assets: AssetsReader,
    @Inject(Lookups) private readonly lookups: Lookups,
    @Inject(COMMANDS) private readonly commands: Commands,
    @Inject(PAGE_LIMIT_MAX) private readonly pageLimitMax: number,
  ) {}

  @Operation('get_assets')
  async list(@ValidQuery(assetsQuery) values: z.infer<typeof assetsQuery>): Promise<AnswerTo<'get_assets'>> {
    const filter = { namePattern: values.name_pattern, uriPattern: values.uri_pattern, dagIds: values.dag_ids, onlyActive: values.only_active ?? true };
    const page = await this.assets.list(filter, pageOf(values, this.pageLimitMax));
    return { assets: page.rows.map(toAssetResponse), total_entries: page.total };
  }

  @Operation('get_asset_aliases')
  async listAliases(@ValidQuery(aliasesQuery) values: z.infer<typeof aliasesQuery>): Promise<AnswerTo<'get_asset_aliases'>> {
    const page = await this.assets.aliases({ namePattern: values.name_pattern }, pageOf(values, this.pageLimitMax));
    return { asset_aliases: page.rows.map(toAliasResponse), total_entries: page.total };
  }

  @Operation('get_asset_alias')
  async getAlias(@Param('asset_alias_id', integerPath) id: number): Promise<AnswerTo<'get_asset_alias'>> {
    const [alias] = (await this.assets.aliases({ id }, { limit: 1, offset: 0, orderBy: [] })).rows;
    if (alias === undefined) throw new MillraceError('not_found', `The Asset Alias with ID: \`${id}\` was not found`);
    return toAliasResponse(alias);
  }

  @Operation('get_asset_events')
  async listEvents(@ValidQuery(eventsQuery) values: z.infer<typeof eventsQuery>): Promise<AnswerTo<'get_asset_events'>> {
    const filter = {
      assetId: values.asset_id, sourceDagId: values.source_dag_id, sourceTaskId: values.source_task_id, sourceRunId: values.source_run_id, sourceMapIndex: values.source_map_index,
      namePattern: values.name_pattern, timestamp: rangeOf<Date>(values, 'timestamp'),
    };
    const page = await this.assets.events(filter, pageOf(values, this.pageLimitMax));
    return { asset_events: page.rows.map(toAssetEventResponse), total_entries: page.total };
  }

  /** What happened outside: it counts as if a task had written the asset. */
  @Operation('create_asset_event')
  async createEvent(@ValidBody(eventBody) body: z.infer<typeof eventBody>): Promise<AnswerTo<'create_asset_event'>> {
    const asset = await this.#find(body.asset_id);
    // As in Airflow, so that everybody sees that no task wrote it.
    const extra = { ...body.extra, from_rest_api: true };
    const id = await this.commands.recordAssetEvent({ name: asset.name, uri: asset.uri, extra, partitionKey: body.partition_key ?? null });
    const [event] = (await this.assets.events({ id }, { limit: 1, offset: 0, orderBy: [] })).rows;
    return toAssetEventResponse(event!);
  }

  @Operation('get_asset')
  async get(@Param('asset_id', integerPath) id: number): Promise<AnswerTo<'get_asset'>> {
    return toAssetResponse(await this.#find(id));
  }

  /** Runs the dag that writes the asset. */
  @Operation('materialize_asset')
  async materialize(@Param('asset_id', integerPath) id: number, @ValidBody(materializeBody) given: z.infer<typeof materializeBody>, @CurrentActor() actor: Actor): Promise<AnswerTo<'materialize_asset'>> {
    await this.#find(id);
    const [dagId, ...others] = await this.assets.producingDags(id);
    if (dagId === undefined) throw new MillraceError('not_found', `No DAG materializes asset with ID: ${id}`);
    if (others.length > 0) throw new MillraceError('conflict', `More than one DAG materializes asset with ID: ${id}`, { dag_ids: [dagId, ...others] });
    const body = given ?? {};
    const run = await this.commands.trigger({
      dagId, runId: body.dag_run_id ?? undefined, logicalDate: body.logical_date, dataIntervalStart: body.data_interval_start, dataIntervalEnd: body.data_interval_end, runAfter: body.run_after,
      conf: body.conf, note: body.note, partitionKey: body.partition_key, runType: 'asset_materialization', triggeredBy: 'rest_api', actor: actor.name,
    });
    return toRunResponse(await this.lookups.madeRun(run.id, dagId, run.runId));
  }

  @Operation('get_upstream_asset_events')
  async upstreamEvents(@Param('dag_id') dagId: string, @Param('dag_run_id') runId: string): Promise<AnswerTo<'get_upstream_asset_events'>> {
    const run = await this.lookups.run(dagId, runId);
    const page = await this.assets.events({ triggeredRun: run.id }, { limit: this.pageLimitMax, offset: 0, orderBy: ['timestamp'] });
    return { asset_events: page.rows.map(toAssetEventResponse), total_entries: page.total };
  }

  async #find(id: number): Promise<AssetRow> {
    const asset = await this.assets.find(id);
    if (asset === null) throw new MillraceError('not_found', `The Asset with ID: \`${id}\` was not found`);
    return asset;
  }
}

function toAliasResponse(row: { readonly id: number; readonly name: string; readonly asset_group: string }): AnswerTo<'get_asset_alias'> {
  return { id: row.id, name: row.name, group: row.asset_group };
}
