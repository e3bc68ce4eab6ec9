import { Controller, Inject, Param } from '@nestjs/common';
import { z } from 'zod';
import type { Actor } from '@millrace/access';
import { Database, deleteTeam, findTeam, insertTeam, listTeams, lockTeam, updateTeam, writeAudit } from '@millrace/persistence';
import type { TeamRow } from '@millrace/persistence';
import { MillraceError } from '@millrace/vocabulary';
import { instantText } from '../answers.js';
import type { Answer } from '../openapi/answer-schemas.js';
import { Answers, AuditedByCommand, Route } from '../openapi/operation.js';
import { CurrentActor } from '../security/token.guard.js';
import { PAGE_LIMIT_MAX } from '../tokens.js';
import { pageFields } from '../validation/fields.js';
import { ValidBody, ValidQuery } from '../validation/schema-pipe.js';
import { refuseToken } from './users.controller.js';
import { team as teamSchema, teamCollection } from './access-schemas.js';
import type { TeamAnswer } from './access-schemas.js';

const TEAMS = '/api/millrace/v1/teams';
const listQuery = z.object(pageFields('name'));
const source = z.string().max(1_000).regex(/^[^:\s][^:]*(:[^:]*[^:/\s][^:]*)?$/, 'a source is a bundle, or bundle:folder');
const sources = z.array(source).max(1_000);
const createBody = z.strictObject({ name: z.string().regex(/^[\p{L}\p{N}_.-]{1,250}$/u, 'a team name has letters, digits and any of _ . -, at most 250 characters'), description: z.string().max(1_000).nullish(), sources: sources.default([]) });
const patchBody = z.strictObject({ description: z.string().max(1_000).nullish(), sources: sources.optional() });

/** Who owns which dags. Pools, variables and connections name their team themselves. */
@Controller()
export class TeamsController {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(PAGE_LIMIT_MAX) private readonly pageLimitMax: number,
  ) {}

  @Route('GET', TEAMS, { action: 'read', resource: 'user' })
  @Answers(teamCollection)
  async list(@ValidQuery(listQuery) values: z.infer<typeof listQuery>): Promise<Answer<typeof teamCollection>> {
    const all = await listTeams(this.database.pool);
    return { teams: all.slice(values.offset, values.offset + Math.min(values.limit, this.pageLimitMax)).map(toTeamResponse), total_entries: all.length };
  }

  @Route('GET', `${TEAMS}/:team_name`, { action: 'read', resource: 'user' })
  @Answers(teamSchema)
  async get(@Param('team_name') name: string): Promise<Answer<typeof teamSchema>> {
    return toTeamResponse(await this.#find(name));
  }

  @AuditedByCommand()
  @Route('POST', TEAMS, { action: 'create', resource: 'user' }, 201)
  @Answers(teamSchema)
  async create(@ValidBody(createBody) body: z.infer<typeof createBody>, @CurrentActor() actor: Actor): Promise<Answer<typeof teamSchema>> {
    refuseToken(actor);
    const team = { name: body.name, description: body.description ?? null, sources: body.sources };
    await this.database.inTransaction(async ({ client }) => {
      if (!(await insertTeam(client, team))) throw new MillraceError('conflict', `There is a team "${body.name}" already`);
      await writeAudit(client, { event: 'create_team', actor: actor.name, extra: { team: body.name, before: null, after: team } });
    });
    return this.get(body.name);
  }

  @AuditedByCommand()
  @Route('PATCH', `${TEAMS}/:team_name`, { action: 'edit', resource: 'user' })
  @Answers(teamSchema)
  async change(@Param('team_name') name: string, @ValidBody(patchBody) body: z.infer<typeof patchBody>, @CurrentActor() actor: Actor): Promise<Answer<typeof teamSchema>> {
    refuseToken(actor);
    await this.database.inTransaction(async ({ client }) => {
      const before = await lockTeam(client, name);
      if (before === null) throw missing(name);
      const team = { name, description: body.description === undefined ? before.description : body.description, sources: body.sources ?? before.sources };
      await updateTeam(client, team);
      await writeAudit(client, { event: 'change_team', actor: actor.name, extra: { team: name, before: { description: before.description, sources: before.sources }, after: team } });
    });
    return this.get(name);
  }

  @AuditedByCommand()
  @Route('DELETE', `${TEAMS}/:team_name`, { action: 'delete', resource: 'user' }, 204)
  async remove(@Param('team_name') name: string, @CurrentActor() actor: Actor): Promise<void> {
    refuseToken(actor);
    await this.database.inTransaction(async ({ client }) => {
      const before = await lockTeam(client, name);
      if (before === null) throw missing(name);
      await deleteTeam(client, name);
      await writeAudit(client, { event: 'delete_team', actor: actor.name, extra: { team: name, before: { description: before.description, sources: before.sources }, after: null } });
    });
  }

  async #find(name: string): Promise<TeamRow> {
    const found = await findTeam(this.database.pool, name);
    if (found === null) throw missing(name);
    return found;
  }
}

function missing(name: string): MillraceError {
  return new MillraceError('not_found', `There is no team "${name}"`);
}

function toTeamResponse(row: TeamRow): TeamAnswer {
  return { name: row.name, description: row.description, sources: row.sources, dags: row.dags, created_at: instantText(row.created_at) };
}
