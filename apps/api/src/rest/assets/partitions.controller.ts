import { Controller, Inject, Param } from '@nestjs/common';
import { z } from 'zod';
import { compilePartitionedAssets, leavesOf, missingOf, partitionStatus } from '@millrace/engine';
import type { PartitionStatus } from '@millrace/engine';
import { AssetsReader, PartitionsReader } from '@millrace/persistence';
import type { PartitionRow } from '@millrace/persistence';
import { instantText } from '../answers.js';
import { Lookups } from '../lookups.js';
import type { Answer } from '../openapi/answer-schemas.js';
import { Answers, Route } from '../openapi/operation.js';
import { PAGE_LIMIT_MAX } from '../tokens.js';
import { pageFields, pageOf, query } from '../validation/fields.js';
import { ValidQuery } from '../validation/schema-pipe.js';
import { nextRunAssets, partitionCollection } from './asset-schemas.js';
import type { PartitionAnswer } from './asset-schemas.js';

const partitionsQuery = z.object({ ...pageFields('-id'), is_open: query.boolean, partition_key: query.text });

/** What a dag that runs by assets waits for. */
@Controller()
export class PartitionsController {
  constructor(
    @Inject(AssetsReader) private readonly assets: AssetsReader,
    @Inject(PartitionsReader) private readonly partitions: PartitionsReader,
    @Inject(Lookups) private readonly lookups: Lookups,
    @Inject(PAGE_LIMIT_MAX) private readonly pageLimitMax: number,
  ) {}

  /** Each asset of the condition with its newest event and how many events wait; `missing`: what the next run waits for. */
  @Route('GET', '/api/millrace/v1/dags/:dag_id/nextRunAssets', { action: 'read', resource: 'asset' })
  @Answers(nextRunAssets)
  async nextRun(@Param('dag_id') dagId: string): Promise<Answer<typeof nextRunAssets>> {
    const { schedule } = await this.lookups.currentDocument(await this.lookups.dag(dagId));
    const rows = await this.assets.nextRun(dagId);
    const condition = schedule?.kind === 'assets' || schedule?.kind === 'assetsOrTime' || schedule?.kind === 'partitionedAssets' ? schedule.condition : null;
    const queued = new Set(rows.filter((row) => row.queued > 0).map((row) => `${row.name}\n${row.uri}`));
    // An event through an alias is queued for its asset, which the condition does not name; aliases are listed without.
    const missing = condition === null ? { assets: [], aliases: [] } : missingOf(condition, { asset: (name, uri) => queued.has(`${name}\n${uri}`), alias: () => false });
    return {
      dag_id: dagId,
      asset_expression: condition,
      events: rows.map((row) => ({ id: row.id, name: row.name, uri: row.uri, last_update: instantText(row.last_update), queued_events: row.queued })),
      aliases: condition === null ? [] : leavesOf(condition).aliases.map(({ name }) => name),
      missing: missing.assets.map(({ name, uri }) => ({ name, uri })),
    };
  }

  /** Partitions of a dag, newest first: what each has, what it waits for, and its run once it is complete. */
  @Route('GET', '/api/millrace/v1/dags/:dag_id/partitions', { action: 'read', resource: 'asset' })
  @Answers(partitionCollection)
  async list(@Param('dag_id') dagId: string, @ValidQuery(partitionsQuery) values: z.infer<typeof partitionsQuery>): Promise<Answer<typeof partitionCollection>> {
    const { schedule } = await this.lookups.currentDocument(await this.lookups.dag(dagId));
    const compiled = schedule?.kind === 'partitionedAssets' ? compilePartitionedAssets(schedule) : null;
    const page = await this.partitions.list(dagId, { isOpen: values.is_open, key: values.partition_key }, pageOf(values, this.pageLimitMax));
    const statusOf = (row: PartitionRow): PartitionStatus | null =>
      compiled?.ok === true ? partitionStatus(compiled.partitioned, row.partition_key, row.events.map((event) => ({ name: event.name, uri: event.uri, sourceKey: event.source_key }))) : null;
    return { partitions: page.rows.map((row) => toResponse(row, statusOf(row))), total_entries: page.total };
  }
}

/** Keys told by name; a window of a year of hours has more than anybody reads. */
const MISSING_TOLD = 100;

function toResponse(row: PartitionRow, status: PartitionStatus | null): PartitionAnswer {
  return {
    id: row.id,
    partition_key: row.partition_key,
    created_at: instantText(row.created_at),
    state: row.run_id === null ? 'waiting' : row.run_state,
    dag_run_id: row.run_id,
    events: row.events.length,
    assets: (status?.assets ?? []).map((asset) => ({
      name: asset.name, uri: asset.uri, is_complete: asset.isComplete, arrived: asset.arrived.length, expected: asset.expected, missing: asset.missing.slice(0, MISSING_TOLD), missing_count: asset.missing.length,
    })),
  };
}
