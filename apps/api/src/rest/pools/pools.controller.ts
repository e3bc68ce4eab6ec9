import { Controller, Inject, Param } from '@nestjs/common';
import { DataSource, ILike, In } from 'typeorm';
import { z } from 'zod';
import { PoolEntity, PoolUsageReader } from '@millrace/persistence';
import type { PoolUsageRow } from '@millrace/persistence';
import type { Commands } from '@millrace/scheduling';
import { MillraceError } from '@millrace/vocabulary';
import { applyBulk, bulkBody } from '../bulk/bulk.js';
import { maskedFields } from '../dag-runs/dag-runs.controller.js';
import { AuditedRows } from '../audited-rows.js';
import type { AuditedTable } from '../audited-rows.js';
import { entityPage } from '../entity-page.js';
import { Operation } from '../openapi/operation.js';
import type { AnswerTo } from '../openapi/operations.js';
import { COMMANDS, PAGE_LIMIT_MAX } from '../tokens.js';
import { Actors } from '../security/actors.js';
import { checkOwner, ownedBySomeoneIn } from '../security/owned-by-teams.js';
import { pageFields, query } from '../validation/fields.js';
import { ValidBody, ValidQuery } from '../validation/schema-pipe.js';
import type { PoolAnswer } from './pool-schemas.js';

const listQuery = z.object({ ...pageFields('id'), pool_name_pattern: query.text });
const slots = z.number().int().min(-1, 'Number of slots. Use -1 for unlimited.').max(2_147_483_647);
const createBody = z.strictObject({ name: z.string().min(1).max(256), slots, description: z.string().nullish(), include_deferred: z.boolean().default(false), team_name: z.string().nullish() });
const patchBody = z.strictObject({ pool: z.string().nullish(), name: z.string().nullish(), slots: slots.nullish(), description: z.string().nullish(), include_deferred: z.boolean().nullish(), team_name: z.string().nullish() });
const maskQuery = z.object({ update_mask: query.texts });
const bulk = bulkBody(createBody);
const DEFAULT_POOL = 'default_pool';

const POOLS: AuditedTable<PoolEntity> = {
  entity: PoolEntity, key: 'name', keyName: 'pool_name', secrets: {},
  shown: ({ slots: size, description, includeDeferred, team }) => ({ slots: size, description, include_deferred: includeDeferred, team_name: team }),
};

@Controller()
export class PoolsController {
  readonly #audited: AuditedRows<PoolEntity>;

  constructor(
    @Inject(DataSource) private readonly entities: DataSource,
    @Inject(PoolUsageReader) private readonly usage: PoolUsageReader,
    @Inject(COMMANDS) private readonly commands: Commands,
    @Inject(Actors) private readonly actors: Actors,
    @Inject(PAGE_LIMIT_MAX) private readonly pageLimitMax: number,
  ) {
    this.#audited = new AuditedRows(entities, POOLS);
  }

  @Operation('get_pools')
  async getPools(@ValidQuery(listQuery) values: z.infer<typeof listQuery>): Promise<AnswerTo<'get_pools'>> {
    const { pool_name_pattern: pattern } = values;
    const where = pattern === undefined || pattern === '~' ? ownedBySomeoneIn() : { ...ownedBySomeoneIn(), name: ILike(`%${pattern}%`) };
    const [pools, total] = await entityPage(this.#pools, where, { id: 'name', name: 'name', pool: 'name', slots: 'slots', description: 'description' }, values, this.pageLimitMax);
    return { pools: await this.#responses(pools), total_entries: total };
  }

  @Operation('get_pool')
  async getPool(@Param('pool_name') name: string): Promise<AnswerTo<'get_pool'>> {
    return (await this.#responses([await this.#find(name)]))[0]!;
  }

  @Operation('post_pool')
  async createPool(@ValidBody(createBody) body: z.infer<typeof createBody>): Promise<AnswerTo<'post_pool'>> {
    const { name, include_deferred: includeDeferred, team_name: team = null, description = null } = body;
    checkOwner(team);
    if (!(await this.#audited.insert(name, { slots: body.slots, description, includeDeferred, team }))) throw new MillraceError('conflict', `Pool with name: \`${name}\` already exists`);
    this.commands.poolsChanged();
    return this.getPool(name);
  }

  @Operation('patch_pool')
  async patchPool(@Param('pool_name') name: string, @ValidBody(patchBody) body: z.infer<typeof patchBody>, @ValidQuery(maskQuery) values: z.infer<typeof maskQuery>): Promise<AnswerTo<'patch_pool'>> {
    const fields = maskedFields(values.update_mask, ['pool', 'name', 'slots', 'description', 'include_deferred', 'team_name'], Object.keys(body));
    const renamed = body.pool ?? body.name;
    if (renamed != null && renamed !== name) throw new MillraceError('bad_request', `Invalid body, pool name from request body doesn't match uri parameter: pools are not renamed`);
    const same = (known: PoolEntity, field: string): boolean => (field === 'description' && (body.description ?? null) === known.description) || (field === 'team_name' && (body.team_name ?? null) === known.team);
    const change: Partial<PoolEntity> = {};
    if (fields.has('slots') && body.slots != null) change.slots = body.slots;
    if (fields.has('description')) change.description = body.description ?? null;
    if (fields.has('include_deferred') && body.include_deferred != null) change.includeDeferred = body.include_deferred;
    if (fields.has('team_name')) {
      change.team = body.team_name ?? null;
      checkOwner(change.team);
    }
    const found = await this.#audited.change(name, (known) => {
      // Said again as it is, as in a file that was exported before, it changes nothing.
      if (name === DEFAULT_POOL && [...fields].some((field) => !['slots', 'include_deferred', 'pool', 'name'].includes(field) && !same(known, field))) throw new MillraceError('bad_request', 'Only slots and included_deferred can be modified on Default Pool');
      return change;
    });
    if (!found) throw missing(name);
    this.commands.poolsChanged();
    return this.getPool(name);
  }

  @Operation('delete_pool')
  async deletePool(@Param('pool_name') name: string): Promise<void> {
    if (name === DEFAULT_POOL) throw new MillraceError('bad_request', 'Default Pool can\'t be deleted');
    if (!(await this.#audited.delete(name))) throw missing(name);
    this.commands.poolsChanged();
  }

  @Operation('bulk_pools')
  bulkPools(@ValidBody(bulk) body: z.infer<typeof bulk>): Promise<AnswerTo<'bulk_pools'>> {
    return applyBulk<z.infer<typeof createBody>>(body.actions, {
      what: 'pools with these pool names',
      keyOf: (pool) => pool.name,
      existing: async (names) => new Set((await this.#pools.find({ where: { name: In([...names]), ...ownedBySomeoneIn() }, select: { name: true } })).map((pool) => pool.name)),
      create: (pool) => this.createPool(pool),
      update: (pool, mask) => this.patchPool(pool.name, pool, { update_mask: mask === undefined ? undefined : [...mask] }),
      delete: (name) => this.deletePool(name),
      as: (action, work) => this.actors.as({ action, resource: 'pool' }, work),
    });
  }

  get #pools() {
    return this.entities.getRepository(PoolEntity);
  }

  async #find(name: string): Promise<PoolEntity> {
    const found = await this.#pools.findOneBy({ name, ...ownedBySomeoneIn() });
    if (found === null) throw missing(name);
    return found;
  }

  async #responses(pools: readonly PoolEntity[]): Promise<readonly PoolAnswer[]> {
    const usage = await this.usage.of(pools.map((pool) => pool.name));
    return pools.map((pool) => toResponse(pool, usage.get(pool.name)));
  }
}

function missing(name: string): MillraceError {
  return new MillraceError('not_found', `The Pool with name: \`${name}\` was not found`);
}

function toResponse(pool: PoolEntity, used: PoolUsageRow | undefined): PoolAnswer {
  const [running, queued, scheduled, deferred] = [used?.running_slots ?? 0, used?.queued_slots ?? 0, used?.scheduled_slots ?? 0, used?.deferred_slots ?? 0];
  const occupied = running + queued + (pool.includeDeferred ? deferred : 0);
  return {
    name: pool.name,
    slots: pool.slots,
    description: pool.description,
    include_deferred: pool.includeDeferred,
    occupied_slots: occupied,
    running_slots: running,
    queued_slots: queued,
    scheduled_slots: scheduled,
    open_slots: pool.slots < 0 ? -1 : pool.slots - occupied,
    deferred_slots: deferred,
    team_name: pool.team,
  };
}
