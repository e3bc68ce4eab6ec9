import { Controller, Inject, Param } from '@nestjs/common';
import { DataSource, ILike, In } from 'typeorm';
import { z } from 'zod';
import { MASK, SecretBox, isSensitiveName, maskJsonText } from '@millrace/access';
import { VariableEntity } from '@millrace/persistence';
import { MillraceError } from '@millrace/vocabulary';
import { applyBulk, bulkBody } from '../bulk/bulk.js';
import { maskedFields } from '../dag-runs/dag-runs.controller.js';
import { AuditedRows, masked } from '../audited-rows.js';
import type { AuditedTable } from '../audited-rows.js';
import { entityPage } from '../entity-page.js';
import { Operation } from '../openapi/operation.js';
import type { AnswerTo } from '../openapi/operations.js';
import { PAGE_LIMIT_MAX } from '../tokens.js';
import { Actors } from '../security/actors.js';
import { checkOwner, ownedBySomeoneIn } from '../security/owned-by-teams.js';
import { pageFields, query } from '../validation/fields.js';
import { ValidBody, ValidQuery } from '../validation/schema-pipe.js';
import type { VariableAnswer } from './variable-schemas.js';

const listQuery = z.object({ ...pageFields('id'), variable_key_pattern: query.text });
const body = z.strictObject({ key: z.string().min(1).max(250), value: z.json(), description: z.string().nullish(), team_name: z.string().nullish() });
type VariableBody = z.infer<typeof body>;
const maskQuery = z.object({ update_mask: query.texts });
const bulk = bulkBody(body);

const VARIABLES: AuditedTable<VariableEntity> = {
  entity: VariableEntity, key: 'key', keyName: 'variable_key', secrets: { value: 'value' },
  shown: ({ description, team }) => ({ value: MASK, description: masked(description), team_name: team }),
};

@Controller()
export class VariablesController {
  readonly #audited: AuditedRows<VariableEntity>;

  constructor(
    @Inject(DataSource) private readonly entities: DataSource,
    @Inject(SecretBox) private readonly secrets: SecretBox,
    @Inject(Actors) private readonly actors: Actors,
    @Inject(PAGE_LIMIT_MAX) private readonly pageLimitMax: number,
  ) {
    this.#audited = new AuditedRows(entities, VARIABLES);
  }

  @Operation('get_variables')
  async getVariables(@ValidQuery(listQuery) values: z.infer<typeof listQuery>): Promise<AnswerTo<'get_variables'>> {
    const { variable_key_pattern: pattern } = values;
    const where = pattern === undefined || pattern === '~' ? ownedBySomeoneIn() : { ...ownedBySomeoneIn(), key: ILike(`%${pattern}%`) };
    const [rows, total] = await entityPage(this.#variables, where, { id: 'key', key: 'key', description: 'description', is_encrypted: 'isEncrypted' }, values, this.pageLimitMax);
    return { variables: rows.map((row) => this.#response(row)), total_entries: total };
  }

  @Operation('get_variable')
  async getVariable(@Param('variable_key') key: string): Promise<AnswerTo<'get_variable'>> {
    return this.#response(await this.#find(key));
  }

  @Operation('post_variable')
  async createVariable(@ValidBody(body) given: VariableBody): Promise<AnswerTo<'post_variable'>> {
    const row = { value: this.#seal(given), isEncrypted: true, description: given.description ?? null, team: given.team_name ?? null };
    checkOwner(row.team);
    if (!(await this.#audited.insert(given.key, row))) throw new MillraceError('conflict', `The Variable with key: \`${given.key}\` already exists`);
    return this.getVariable(given.key);
  }

  @Operation('patch_variable')
  async patchVariable(@Param('variable_key') key: string, @ValidBody(body) given: VariableBody, @ValidQuery(maskQuery) values: z.infer<typeof maskQuery>): Promise<AnswerTo<'patch_variable'>> {
    if (given.key !== key) throw new MillraceError('bad_request', 'Invalid body, key from request body doesn\'t match uri parameter');
    const fields = maskedFields(values.update_mask, ['key', 'value', 'description', 'team_name'], Object.keys(given));
    const change: Partial<VariableEntity> = {};
    if (fields.has('value')) Object.assign(change, { value: this.#seal(given), isEncrypted: true });
    if (fields.has('description')) change.description = given.description ?? null;
    if (fields.has('team_name')) {
      change.team = given.team_name ?? null;
      checkOwner(change.team);
    }
    if (!(await this.#audited.change(key, () => change))) throw missing(key);
    return this.getVariable(key);
  }

  @Operation('delete_variable')
  async deleteVariable(@Param('variable_key') key: string): Promise<void> {
    if (!(await this.#audited.delete(key))) throw missing(key);
  }

  @Operation('bulk_variables')
  bulkVariables(@ValidBody(bulk) given: z.infer<typeof bulk>): Promise<AnswerTo<'bulk_variables'>> {
    return applyBulk<VariableBody>(given.actions, {
      what: 'variables with these keys',
      keyOf: (variable) => variable.key,
      existing: async (keys) => new Set((await this.#variables.find({ where: { key: In([...keys]), ...ownedBySomeoneIn() }, select: { key: true } })).map((variable) => variable.key)),
      create: (variable) => this.createVariable(variable),
      update: (variable, mask) => this.patchVariable(variable.key, variable, { update_mask: mask === undefined ? undefined : [...mask] }),
      delete: (key) => this.deleteVariable(key),
      as: (action, work) => this.actors.as({ action, resource: 'variable' }, work),
    });
  }

  get #variables() {
    return this.entities.getRepository(VariableEntity);
  }

  async #find(key: string): Promise<VariableEntity> {
    const found = await this.#variables.findOneBy({ key, ...ownedBySomeoneIn() });
    if (found === null) throw missing(key);
    return found;
  }

  #seal(given: VariableBody): string {
    return this.secrets.seal(typeof given.value === 'string' ? given.value : JSON.stringify(given.value), placeOf(given.key));
  }

  #response(row: VariableEntity): VariableAnswer {
    return { key: row.key, value: shown(row.key, row.isEncrypted ? this.secrets.open(row.value, placeOf(row.key)) : row.value), description: row.description, is_encrypted: row.isEncrypted, team_name: row.team };
  }
}

function missing(key: string): MillraceError {
  return new MillraceError('not_found', `The Variable with key: \`${key}\` was not found`);
}

/** Where a variable's value belongs; must be the same wherever it is sealed and opened. */
function placeOf(key: string): string {
  return `variable/${key}`;
}

/** Airflow's rule: a sensitive name hides the value, sensitive fields of a JSON value are hidden each. */
function shown(key: string, value: string): string {
  if (isSensitiveName(key)) return MASK;
  return /^\s*[[{]/.test(value) ? (maskIfJson(value) ?? value) : value;
}

function maskIfJson(value: string): string | null {
  try {
    JSON.parse(value);
  } catch {
    return null;
  }
  return maskJsonText(value);
}
