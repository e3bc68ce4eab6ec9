import { Controller, Inject, Param } from '@nestjs/common';
import { DataSource, ILike, In } from 'typeorm';
import { z } from 'zod';
import { MASK, SecretBox, maskJsonText } from '@millrace/access';
import type { Configuration } from '@millrace/configuration';
import { ConnectionEntity } from '@millrace/persistence';
import { MillraceError } from '@millrace/vocabulary';
import { applyBulk, bulkBody } from '../bulk/bulk.js';
import { maskedFields } from '../dag-runs/dag-runs.controller.js';
import { AuditedRows, hidden, masked } from '../audited-rows.js';
import type { AuditedTable } from '../audited-rows.js';
import { entityPage } from '../entity-page.js';
import { DEFAULT_CONNECTIONS } from './default-connections.js';
import { probeConnection } from './probe-connection.js';
import { Operation } from '../openapi/operation.js';
import type { AnswerTo } from '../openapi/operations.js';
import { CONFIGURATION, PAGE_LIMIT_MAX } from '../tokens.js';
import { Actors } from '../security/actors.js';
import { checkOwner, ownedBySomeoneIn } from '../security/owned-by-teams.js';
import { pageFields, query } from '../validation/fields.js';
import { ValidBody, ValidQuery } from '../validation/schema-pipe.js';
import type { ConnectionAnswer } from './connection-schemas.js';

const listQuery = z.object({ ...pageFields('id'), connection_id_pattern: query.text });
const body = z.strictObject({
  connection_id: z.string().regex(/^[\w.-]{1,200}$/, "String should match pattern '^[\\w.-]+$'"),
  conn_type: z.string().min(1),
  description: z.string().nullish(),
  host: z.string().nullish(),
  login: z.string().nullish(),
  schema: z.string().nullish(),
  port: z.number().int().min(0).max(65_535).nullish(),
  password: z.string().nullish(),
  extra: z.string().nullish(),
  team_name: z.string().nullish(),
});
type ConnectionBody = z.infer<typeof body>;
const maskQuery = z.object({ update_mask: query.texts });
const bulk = bulkBody(body);
const FIELDS = Object.keys(body.shape);

const CONNECTIONS: AuditedTable<ConnectionEntity> = {
  entity: ConnectionEntity, key: 'connectionId', keyName: 'connection_id', secrets: { login: 'login', passwordEncrypted: 'password', extraEncrypted: 'extra' },
  shown: (row) => ({
    conn_type: row.connType, description: masked(row.description), host: masked(row.host), port: row.port, schema: row.schemaName, team_name: row.team,
    login: hidden(row.login), password: hidden(row.passwordEncrypted), extra: hidden(row.extraEncrypted),
  }),
};

@Controller()
export class ConnectionsController {
  readonly #audited: AuditedRows<ConnectionEntity>;

  constructor(
    @Inject(DataSource) private readonly entities: DataSource,
    @Inject(SecretBox) private readonly secrets: SecretBox,
    @Inject(CONFIGURATION) private readonly config: Configuration,
    @Inject(Actors) private readonly actors: Actors,
    @Inject(PAGE_LIMIT_MAX) private readonly pageLimitMax: number,
  ) {
    this.#audited = new AuditedRows(entities, CONNECTIONS);
  }

  @Operation('get_connections')
  async getConnections(@ValidQuery(listQuery) values: z.infer<typeof listQuery>): Promise<AnswerTo<'get_connections'>> {
    const { connection_id_pattern: pattern } = values;
    const where = pattern === undefined || pattern === '~' ? ownedBySomeoneIn() : { ...ownedBySomeoneIn(), connectionId: ILike(`%${pattern}%`) };
    const order = { id: 'connectionId', conn_id: 'connectionId', connection_id: 'connectionId', conn_type: 'connType', description: 'description', host: 'host', port: 'port' } as const;
    const [rows, total] = await entityPage(this.#connections, where, order, values, this.pageLimitMax);
    return { connections: rows.map((row) => this.#response(row)), total_entries: total };
  }

  @Operation('get_connection')
  async getConnection(@Param('connection_id') id: string): Promise<AnswerTo<'get_connection'>> {
    return this.#response(await this.#find(id));
  }

  @Operation('post_connection')
  async createConnection(@ValidBody(body) given: ConnectionBody): Promise<AnswerTo<'post_connection'>> {
    const row = this.#row(given, new Set(FIELDS));
    checkOwner(row.team ?? null);
    if (!(await this.#audited.insert(given.connection_id, row))) throw new MillraceError('conflict', `The Connection with connection_id: \`${given.connection_id}\` already exists`);
    return this.getConnection(given.connection_id);
  }

  @Operation('patch_connection')
  async patchConnection(@Param('connection_id') id: string, @ValidBody(body) given: ConnectionBody, @ValidQuery(maskQuery) values: z.infer<typeof maskQuery>): Promise<AnswerTo<'patch_connection'>> {
    if (given.connection_id !== id) throw new MillraceError('bad_request', 'The connection_id in the request body does not match the URL parameter');
    const change = this.#row(given, maskedFields(values.update_mask, FIELDS, Object.keys(given)));
    if (change.team !== undefined) checkOwner(change.team);
    if (!(await this.#audited.change(id, () => change))) throw missing(id);
    return this.getConnection(id);
  }

  @Operation('delete_connection')
  async deleteConnection(@Param('connection_id') id: string): Promise<void> {
    if (!(await this.#audited.delete(id))) throw missing(id);
  }

  @Operation('bulk_connections')
  bulkConnections(@ValidBody(bulk) given: z.infer<typeof bulk>): Promise<AnswerTo<'bulk_connections'>> {
    return applyBulk<ConnectionBody>(given.actions, {
      what: 'connections with these connection_ids',
      keyOf: (connection) => connection.connection_id,
      existing: async (ids) => new Set((await this.#connections.find({ where: { connectionId: In([...ids]), ...ownedBySomeoneIn() }, select: { connectionId: true } })).map((row) => row.connectionId)),
      create: (connection) => this.createConnection(connection),
      update: (connection, mask) => this.patchConnection(connection.connection_id, connection, { update_mask: mask === undefined ? undefined : [...mask] }),
      delete: (id) => this.deleteConnection(id),
      as: (action, work) => this.actors.as({ action, resource: 'connection' }, work),
    });
  }

  /** Those that tasks name when they are told nothing else; what exists stays as it is. */
  @Operation('create_default_connections')
  async createDefaultConnections(): Promise<void> {
    checkOwner(null);
    const rows = DEFAULT_CONNECTIONS.map((connection) => ({ ...connection }));
    await this.#connections.createQueryBuilder().insert().values(rows).orIgnore().execute();
  }

  @Operation('test_connection')
  async testConnection(@ValidBody(body) given: ConnectionBody): Promise<AnswerTo<'test_connection'>> {
    if (!this.config['security.test_connections']) {
      throw new MillraceError('forbidden', 'Testing connections is disabled. Contact your deployment admin to enable it (security.test_connections)');
    }
    return probeConnection({
      ...given,
      password: given.password === MASK ? await this.#stored(given.connection_id, 'password') : (given.password ?? null),
      extra: (given.extra ?? '').includes(MASK) ? await this.#stored(given.connection_id, 'extra') : (given.extra ?? null),
    });
  }

  get #connections() {
    return this.entities.getRepository(ConnectionEntity);
  }

  async #find(id: string): Promise<ConnectionEntity> {
    const found = await this.#connections.findOneBy({ connectionId: id, ...ownedBySomeoneIn() });
    if (found === null) throw missing(id);
    return found;
  }

  /** A secret the caller has not seen, and so could only send as its mask. */
  async #stored(id: string, field: 'password' | 'extra'): Promise<string | null> {
    const row = await this.#find(id);
    const sealed = field === 'password' ? row.passwordEncrypted : row.extraEncrypted;
    return sealed === null ? null : this.secrets.open(sealed, `connection/${id}/${field}`);
  }

  /** The columns the named fields change. A password or extra that is only the mask leaves what is stored. */
  #row(given: ConnectionBody, fields: ReadonlySet<string>): Partial<ConnectionEntity> {
    const row: Partial<ConnectionEntity> = {};
    if (fields.has('conn_type')) row.connType = given.conn_type;
    if (fields.has('description')) row.description = given.description ?? null;
    if (fields.has('host')) row.host = given.host ?? null;
    if (fields.has('login')) row.login = given.login ?? null;
    if (fields.has('schema')) row.schemaName = given.schema ?? null;
    if (fields.has('port')) row.port = given.port ?? null;
    if (fields.has('team_name')) row.team = given.team_name ?? null;
    if (fields.has('password') && given.password !== MASK) row.passwordEncrypted = this.#seal(given.connection_id, 'password', given.password);
    if (fields.has('extra') && !(given.extra ?? '').includes(MASK)) row.extraEncrypted = this.#seal(given.connection_id, 'extra', given.extra);
    return row;
  }

  #seal(id: string, field: 'password' | 'extra', value: string | null | undefined): string | null {
    return value == null ? null : this.secrets.seal(value, `connection/${id}/${field}`);
  }

  #response(row: ConnectionEntity): ConnectionAnswer {
    return {
      connection_id: row.connectionId,
      conn_type: row.connType,
      description: row.description,
      host: row.host,
      login: row.login,
      schema: row.schemaName,
      port: row.port,
      password: row.passwordEncrypted === null ? null : MASK,
      extra: row.extraEncrypted === null ? null : maskJsonText(this.secrets.open(row.extraEncrypted, `connection/${row.connectionId}/extra`)),
      team_name: row.team,
    };
  }
}

function missing(id: string): MillraceError {
  return new MillraceError('not_found', `The Connection with connection_id: \`${id}\` was not found`);
}
