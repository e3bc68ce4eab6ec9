import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Roles people make, what teams own, tokens of programs, sessions that were ended, and failed logins. */
export class Access1700000000024 implements MigrationInterface {
  readonly name = 'Access1700000000024';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(UP);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(DOWN);
  }
}

const UP = `
alter table team add column description text, add column sources text[] not null default '{}';

-- "Role" or "Role@team". An older version looks at "role" only and grants nothing for a name it does not know.
alter table app_user add column more_roles text[] not null default '{}';

create table app_role (
  name text primary key,
  description text,
  permissions jsonb not null default '[]',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

create table api_token (
  id uuid primary key,
  user_name text not null references app_user (name) on delete cascade,
  name text not null,
  -- sha-256: the token is 256 random bits, so that nothing slower is needed
  hash bytea not null unique,
  -- its first characters, by which people tell tokens apart
  prefix text not null,
  -- null: all its owner may
  permissions jsonb,
  created_at timestamptz not null default now(),
  expires_at timestamptz,
  last_used_at timestamptz,
  last_used_from text,
  revoked_at timestamptz,
  unique (user_name, name)
);

-- Sessions that were logged out before their time; forgotten when they would have ended anyway.
create table ended_session (
  id text primary key,
  ends_at timestamptz not null
);

-- By name and by address; each process sees what the others counted, and a restart forgets nothing.
create table login_failure (
  key text primary key,
  count int not null,
  since timestamptz not null default now()
);

-- The team whose source is the longest that holds the file. A source is a bundle, or "bundle:folder".
create function team_of_file(bundle text, file text) returns text language sql stable as $$
  select t.name from team t cross join lateral unnest(t.sources) as s (source)
  where split_part(s.source, ':', 1) = bundle
    and (position(':' in s.source) = 0 or starts_with(file, trim(both '/' from substr(s.source, position(':' in s.source) + 1)) || '/'))
  order by length(s.source) desc, t.name limit 1
$$;

-- Whoever may write a file must not choose its owner: a team with sources owns what lies there and nothing else;
-- a team without takes the dags that name it.
create function own_dag() returns trigger language plpgsql as $$
begin
  new.team := coalesce(team_of_file(new.bundle_name, new.relative_fileloc),
    (select t.name from team t where t.name = new.team and t.sources = '{}'));
  return new;
end
$$;
create trigger dag_owner before insert or update of bundle_name, relative_fileloc, team on dag for each row execute function own_dag();
`;

const DOWN = `
drop trigger if exists dag_owner on dag;
drop function if exists own_dag();
drop function if exists team_of_file(text, text);
drop table if exists login_failure, ended_session, api_token, app_role;
alter table app_user drop column if exists more_roles;
alter table team drop column if exists sources, drop column if exists description;
`;
