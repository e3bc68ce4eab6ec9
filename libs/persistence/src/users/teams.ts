import type { SqlRunner } from '../api-reads/sql-runner.js';

export interface TeamRow {
  readonly name: string;
  readonly description: string | null;
  /** Bundles or `bundle:folder` whose dags the team owns. Empty: dags that name the team. */
  readonly sources: readonly string[];
  readonly created_at: Date;
  readonly dags: number;
}

const COLUMNS = 't.name, t.description, t.sources, t.created_at, (select count(*)::int from dag d where d.team = t.name) as dags';

export async function listTeams(db: SqlRunner): Promise<readonly TeamRow[]> {
  return (await db.query<TeamRow>(`select ${COLUMNS} from team t order by t.name`)).rows;
}

export async function findTeam(db: SqlRunner, name: string): Promise<TeamRow | null> {
  return (await db.query<TeamRow>(`select ${COLUMNS} from team t where t.name = $1`, [name])).rows[0] ?? null;
}

/** The same, and nobody else changes it before the transaction ends. */
export async function lockTeam(db: SqlRunner, name: string): Promise<TeamRow | null> {
  return (await db.query<TeamRow>(`select ${COLUMNS} from team t where t.name = $1 for update of t`, [name])).rows[0] ?? null;
}

/** False: there is one of this name. */
export async function insertTeam(db: SqlRunner, team: { readonly name: string; readonly description: string | null; readonly sources: readonly string[] }): Promise<boolean> {
  const made = ((await db.query('insert into team (name, description, sources) values ($1, $2, $3) on conflict do nothing', [team.name, team.description, team.sources])).rowCount ?? 0) > 0;
  if (made) await shareOutDags(db);
  return made;
}

export async function updateTeam(db: SqlRunner, team: { readonly name: string; readonly description: string | null; readonly sources: readonly string[] }): Promise<void> {
  await db.query('update team set description = $2, sources = $3 where name = $1', [team.name, team.description, team.sources]);
  await shareOutDags(db);
}

/** What the team owned is nobody's afterwards. */
export async function deleteTeam(db: SqlRunner, name: string): Promise<void> {
  for (const table of ['dag', 'dag_bundle', 'dag_run', 'pool', 'variable', 'connection', 'app_user']) await db.query(`update ${table} set team = null where team = $1`, [name]);
  await db.query('delete from team where name = $1', [name]);
  await shareOutDags(db);
}

/** Gives each dag to its owner: the trigger `dag_owner` decides; a dag that named a team without sources gets it with its next publication. */
async function shareOutDags(db: SqlRunner): Promise<void> {
  await db.query(`update dag d set team = d.team where d.team is distinct from coalesce(team_of_file(d.bundle_name, d.relative_fileloc), (select t.name from team t where t.name = d.team and t.sources = '{}'))`);
}
