import { randomUUID } from 'node:crypto';
import { SecretBox } from '@millrace/access';
import { OutsideSecrets } from '@millrace/configuration';
import type { executionProto } from '@millrace/contracts';
import { AssetEventReads, AttemptReads, Callbacks } from '@millrace/persistence';
import { migratedDatabase } from '@millrace/persistence/testing';
import type { Logger } from '@millrace/telemetry';
import { expect, it } from 'vitest';
import { openConnectionWith } from '../open-connection.js';
import { AttemptQuestions } from './attempt-questions.js';
import { AttemptWrites } from './attempt-writes.js';

type What = NonNullable<executionProto.Query['what']>;
const TEAMS = ['blue', 'green', null] as const;

it('a running attempt gets what is its team’s and what is everybody’s, nothing else', async () => {
  await using migrated = await migratedDatabase();
  const { database } = migrated;
  const sql = (text: string, values: unknown[] = []): Promise<unknown> => database.pool.query(text, values);
  const warned: object[] = [];
  const logger: Logger = { debug() {}, info() {}, error() {}, warn: (_text, facts) => void warned.push(facts ?? {}), child: () => logger };
  const secrets = new SecretBox({ internalToken: 't'.repeat(32) });
  await sql(`insert into team (name) values ('blue'), ('green')`);
  await sql(`insert into dag_bundle (name) values ('b')`);
  const attempts = new Map<string | null, { instanceId: string; attemptId: string; claimToken: string }>();
  for (const team of TEAMS) {
    const [dagId, version, run] = [`of_${team ?? 'nobody'}`, randomUUID(), randomUUID()];
    const attempt = { instanceId: randomUUID(), attemptId: randomUUID(), claimToken: randomUUID() };
    await sql(`insert into dag (dag_id, bundle_name, relative_fileloc, fileloc, team) values ($1, 'b', 'f.ts', 'f.ts', $2)`, [dagId, team]);
    await sql(`insert into dag_version (id, dag_id, version_number, content_hash, bundle_name, document) values ($1, $2, 1, 'h', 'b', '{}')`, [version, dagId]);
    await sql(`insert into dag_run (id, dag_id, run_id, dag_version_id, state, run_type, triggered_by, run_after) values ($1, $2, 'r', $3, 'running', 'manual', 'test', now())`, [run, dagId, version]);
    await sql(`insert into task_instance (id, dag_run_id, dag_id, run_id, task_id, state, operator, attempt_id, claim_token) values ($1, $2, $3, 'r', 't', 'running', 'Op', $4, $5)`, [attempt.instanceId, run, dagId, attempt.attemptId, attempt.claimToken]);
    attempts.set(team, attempt);
    await sql(`insert into variable (key, value, is_encrypted, team) values ($1, $1, false, $2)`, [`var_${team ?? 'all'}`, team]);
    await sql(`insert into connection (connection_id, conn_type, password_encrypted, team) values ($1, 'http', $2, $3)`, [`conn_${team ?? 'all'}`, secrets.seal('secret', `connection/conn_${team ?? 'all'}/password`), team]);
  }
  const outside = new OutsideSecrets({ env: { MILLRACE_VAR__BLUE___REGION: 'of blue', MILLRACE_VAR_REGION: 'of all', MILLRACE_CONN__GREEN___ONLY: 'http://of-green' }, connectionsFile: '', variablesFile: '' });
  const reads = new AttemptReads(database);
  const questions = new AttemptQuestions(reads, new AssetEventReads(database), secrets, new Callbacks(database), new AttemptWrites(database, { callbackBaseUrl: '', resultMaxBytes: 1_000 }), outside, logger, () => Promise.resolve({}));
  const ask = (team: string | null, what: What): Promise<executionProto.QueryReply> => questions.answer({ requestId: 1, ...attempts.get(team)!, what });

  for (const [kind, prefix] of [['variableKey', 'var'], ['connectionId', 'conn']] as const) {
    for (const owner of TEAMS) {
      const name = `${prefix}_${owner ?? 'all'}`;
      const answers = await Promise.all(TEAMS.map((team) => ask(team, { $case: kind, value: name })));
      expect(answers.map((answer) => answer.found), name).toEqual(TEAMS.map((team) => owner === null || team === owner));
      for (const answer of answers.filter((each) => !each.found)) {
        expect(answer.error).toMatch(new RegExp(`"${name}" belongs to another team than dag "of_`));
        expect(answer.json).toBe('');
      }
    }
  }
  const refused = await ask(null, { $case: 'connectionId', value: 'conn_green' });
  expect(refused.error).toBe('connection "conn_green" belongs to another team than dag "of_nobody", which is of no team. Whoever owns it can leave it to everybody (no team_name); otherwise use a connection of another name');
  // Operators are told whose it is.
  expect(warned.at(-1)).toEqual({ what: 'connection', name: 'conn_green', owner: 'green', dag_id: 'of_nobody', run_id: 'r', team: null });

  expect(await Promise.all(TEAMS.map(async (team) => (await ask(team, { $case: 'variableKey', value: 'region' })).json))).toEqual(['of blue', 'of all', 'of all']);
  expect(await Promise.all(TEAMS.map(async (team) => (await ask(team, { $case: 'connectionId', value: 'only' })).found))).toEqual([false, true, false]);
  expect((await ask('blue', { $case: 'connectionId', value: '_green___only' })).found).toBe(false);

  const open = openConnectionWith(reads, secrets, outside);
  const asking = (...teams: (string | null)[]): { dagId: string; team: string | null }[] => teams.map((team) => ({ dagId: `of_${team ?? 'nobody'}`, team }));
  expect(await open('conn_green', asking('green', 'green'))).toMatchObject({ password: 'secret' });
  expect(await open('conn_all', asking('green', null))).toMatchObject({ password: 'secret' });
  expect(await open('only', asking('green'))).toMatchObject({ host: 'of-green' });
  expect(await open('only', asking('green', 'blue'))).toBeUndefined();
  // One dag of another team beside the owner's must not get at what the connection reads.
  await expect(open('conn_green', asking('green', 'blue'))).rejects.toThrow(/another team than dag "of_blue"/);
  await expect(open('conn_green', [])).rejects.toThrow(/another team/);
});
