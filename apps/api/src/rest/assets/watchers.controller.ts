import { Controller, Inject, Param } from '@nestjs/common';
import { z } from 'zod';
import { WatchersReader } from '@millrace/persistence';
import type { WatcherView } from '@millrace/persistence';
import { MillraceError } from '@millrace/vocabulary';
import { instantText } from '../answers.js';
import type { Answer } from '../openapi/answer-schemas.js';
import { Answers, Route } from '../openapi/operation.js';
import { PAGE_LIMIT_MAX } from '../tokens.js';
import { pageFields, pageOf, query } from '../validation/fields.js';
import { integerPath } from '../validation/integer-path.js';
import { ValidQuery } from '../validation/schema-pipe.js';
import { parkedCollection, watcherCollection } from './asset-schemas.js';
import type { WatcherAnswer } from './asset-schemas.js';

const watchersQuery = z.object({ ...pageFields('id'), asset_id: query.integer, only_active: query.boolean });
const parkedQuery = z.object(pageFields('-id'));

/** What is listened to outside, how it is, and what could not be used. */
@Controller()
export class WatchersController {
  constructor(
    @Inject(WatchersReader) private readonly watchers: WatchersReader,
    @Inject(PAGE_LIMIT_MAX) private readonly pageLimitMax: number,
  ) {}

  @Route('GET', '/api/millrace/v1/assets/watchers', { action: 'read', resource: 'asset' })
  @Answers(watcherCollection)
  async list(@ValidQuery(watchersQuery) values: z.infer<typeof watchersQuery>): Promise<Answer<typeof watcherCollection>> {
    const page = await this.watchers.list({ assetId: values.asset_id, onlyActive: values.only_active ?? true }, pageOf(values, this.pageLimitMax));
    return { watchers: page.rows.map(toResponse), total_entries: page.total };
  }

  /** Messages and rows that could not be events, newest first. */
  @Route('GET', '/api/millrace/v1/assets/watchers/:watcher_id/parked', { action: 'read', resource: 'asset' })
  @Answers(parkedCollection)
  async parked(@Param('watcher_id', integerPath) id: number, @ValidQuery(parkedQuery) values: z.infer<typeof parkedQuery>): Promise<Answer<typeof parkedCollection>> {
    const page = await this.watchers.parked(id, pageOf(values, this.pageLimitMax));
    return { parked: page.rows.map((row) => ({ id: row.id, item: row.item, content: row.content, error: row.error, parked_at: instantText(row.parked_at) })), total_entries: page.total };
  }

  @Route('DELETE', '/api/millrace/v1/assets/watchers/:watcher_id/parked/:parked_id', { action: 'delete', resource: 'asset' }, 204)
  async forget(@Param('watcher_id', integerPath) id: number, @Param('parked_id', integerPath) parkedId: number): Promise<void> {
    if (!(await this.watchers.forgetParked(id, parkedId))) throw new MillraceError('not_found', `Watcher ${id} has parked nothing with id ${parkedId}`);
  }
}

function toResponse(row: WatcherView): WatcherAnswer {
  return {
    id: row.id,
    name: row.name,
    kind: row.kind,
    config: row.config,
    asset_id: row.asset_id,
    asset_name: row.asset_name,
    is_active: row.is_active,
    state: !row.is_active ? 'inactive' : row.last_error !== null ? 'trouble' : row.is_leased && row.connected_at !== null ? 'watching' : 'starting',
    scheduler_id: row.is_leased ? row.lease_owner : null,
    connected_at: instantText(row.connected_at),
    last_event_at: instantText(row.last_event_at),
    last_error: row.last_error,
    last_error_at: instantText(row.last_error_at),
    cursor: row.cursor_value,
    parked: row.parked,
  };
}
