import { Controller, Inject, Param } from '@nestjs/common';
import { z } from 'zod';
import { AssetsReader } from '@millrace/persistence';
import type { QueuedEventFilter, QueuedEventRow } from '@millrace/persistence';
import { MillraceError } from '@millrace/vocabulary';
import { instantText } from '../answers.js';
import { Operation, Route } from '../openapi/operation.js';
import type { AnswerTo } from '../openapi/operations.js';
import { query } from '../validation/fields.js';
import { integerPath } from '../validation/integer-path.js';
import { ValidQuery } from '../validation/schema-pipe.js';
import type { QueuedEventAnswer } from './asset-schemas.js';

const beforeQuery = z.object({ before: query.instant });
type BeforeQuery = z.infer<typeof beforeQuery>;

/** Events that wait for a dag: its condition is not met yet. */
@Controller()
export class QueuedEventsController {
  constructor(@Inject(AssetsReader) private readonly assets: AssetsReader) {}

  @Operation('get_asset_queued_events')
  ofAsset(@Param('asset_id', integerPath) assetId: number, @ValidQuery(beforeQuery) { before }: BeforeQuery): Promise<AnswerTo<'get_asset_queued_events'>> {
    return this.#list({ assetId, before });
  }

  @Operation('delete_asset_queued_events')
  forgetOfAsset(@Param('asset_id', integerPath) assetId: number, @ValidQuery(beforeQuery) { before }: BeforeQuery): Promise<void> {
    return this.#forget({ assetId, before }, `asset_id: \`${assetId}\``);
  }

  @Operation('get_dag_asset_queued_events')
  ofDag(@Param('dag_id') dagId: string, @ValidQuery(beforeQuery) { before }: BeforeQuery): Promise<AnswerTo<'get_dag_asset_queued_events'>> {
    return this.#list({ dagId, before });
  }

  @Operation('delete_dag_asset_queued_events')
  forgetOfDag(@Param('dag_id') dagId: string, @ValidQuery(beforeQuery) { before }: BeforeQuery): Promise<void> {
    return this.#forget({ dagId, before }, `dag_id: \`${dagId}\``);
  }

  @Operation('get_dag_asset_queued_event')
  async ofDagAndAsset(@Param('dag_id') dagId: string, @Param('asset_id', integerPath) assetId: number, @ValidQuery(beforeQuery) { before }: BeforeQuery): Promise<AnswerTo<'get_dag_asset_queued_event'>> {
    const [row] = await this.assets.queued({ dagId, assetId, before });
    if (row === undefined) throw new MillraceError('not_found', `Queued event with dag_id: \`${dagId}\` and asset_id: \`${assetId}\` was not found`);
    return toResponse(row);
  }

  @Operation('delete_dag_asset_queued_event')
  forgetOfDagAndAsset(@Param('dag_id') dagId: string, @Param('asset_id', integerPath) assetId: number, @ValidQuery(beforeQuery) { before }: BeforeQuery): Promise<void> {
    return this.#forget({ dagId, assetId, before }, `dag_id: \`${dagId}\` and asset_id: \`${assetId}\``);
  }

  /** Where `airflowctl` deletes them, beside Airflow's own document. */
  @Route('DELETE', '/api/v2/assets/dags/:dag_id/queuedEvents', { action: 'delete', resource: 'asset' }, 204)
  forgetOfDagForCtl(@Param('dag_id') dagId: string, @ValidQuery(beforeQuery) values: BeforeQuery): Promise<void> {
    return this.forgetOfDag(dagId, values);
  }

  @Route('DELETE', '/api/v2/assets/dags/:dag_id/assets/:asset_id/queuedEvents', { action: 'delete', resource: 'asset' }, 204)
  forgetOfDagAndAssetForCtl(@Param('dag_id') dagId: string, @Param('asset_id', integerPath) assetId: number, @ValidQuery(beforeQuery) values: BeforeQuery): Promise<void> {
    return this.forgetOfDagAndAsset(dagId, assetId, values);
  }

  async #list(filter: QueuedEventFilter): Promise<AnswerTo<'get_dag_asset_queued_events'>> {
    const rows = await this.assets.queued(filter);
    return { queued_events: rows.map(toResponse), total_entries: rows.length };
  }

  async #forget(filter: QueuedEventFilter, named: string): Promise<void> {
    if ((await this.assets.forgetQueued(filter)) === 0) throw new MillraceError('not_found', `Queue event with ${named} was not found`);
  }
}

function toResponse(row: QueuedEventRow): QueuedEventAnswer {
  return { dag_id: row.dag_id, asset_id: row.asset_id, created_at: instantText(row.created_at), dag_display_name: row.dag_display_name };
}
