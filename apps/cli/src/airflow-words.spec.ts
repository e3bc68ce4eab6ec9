import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { expect, it } from 'vitest';
import { createProgram } from './command-line/program.js';
import { AIRFLOW_WORDS_WITHOUT_MEANING } from './command-line/words-without-meaning.js';

/** `airflow --help` of 3.3.2, group by group, with the words that the providers celery, cncf.kubernetes, edge3 and fab add. */
const WORDS: Readonly<Record<string, string>> = {
  '': 'api-server cheat-sheet dag-processor info kerberos plugins rotate-fernet-key scheduler standalone triggerer version sync-perm permissions-cleanup',
  assets: 'details list materialize', backfill: 'create', celery: 'worker flower stop list-workers shutdown-worker', config: 'get-value lint list update',
  connections: 'add create-default-connections delete export get import list test',
  dags: 'clear delete details list list-import-errors list-jobs list-runs next-execution pause report reserialize show show-dependencies state test trigger unpause',
  db: 'check check-migrations clean downgrade drop-archived export-archived migrate reset shell', 'db-manager': 'downgrade migrate reset', 'fab-db': 'downgrade migrate reset',
  edge: 'worker maintenance status', jobs: 'check', kubernetes: 'cleanup-pods generate-dag-yaml', partitions: 'clear', pools: 'delete export get import list set',
  providers: 'auth-managers behaviours configs executors get hooks lazy-loaded links list logging notifications queues secrets triggers widgets',
  roles: 'add-perms create del-perms delete export import list', 'state-store': 'clean', tasks: 'clear failed-deps list render state states-for-dag-run test', teams: 'create delete list sync',
  users: 'add-role create delete export import list remove-role reset-password', variables: 'delete export get import list set',
};
const ALL = Object.entries(WORDS).flatMap(([group, words]) => words.split(' ').map((word) => (group === '' ? word : `${group} ${word}`)));
const isWithoutMeaning = (words: string): boolean => AIRFLOW_WORDS_WITHOUT_MEANING.some((each) => words === each || words.startsWith(`${each} `));

function find(program: Command, words: string): Command | undefined {
  return words.split(' ').reduce<Command | undefined>((command, word) => command?.commands.find((each) => each.name() === word || each.aliases().includes(word)), program);
}

it('every command of Airflow is here, or says what is here instead', async () => {
  expect(ALL.length).toBeGreaterThan(110);
  const page = readFileSync(new URL('../../../docs/users/coming-from-airflow.md', import.meta.url), 'utf8');
  const table = page.slice(page.indexOf('## Commands'));
  for (const words of ALL) {
    const program = createProgram('0', () => undefined);
    const [group, word] = words.split(' ') as [string, string?];
    // Told in the table: a row of the group, or of the word itself.
    expect(table, words).toMatch(new RegExp(`^\\| .*\`(?:${group}|${word ?? group}|${words})\\b`, 'm'));
    if (!isWithoutMeaning(words)) expect(find(program, words), words).toBeDefined();
    else {
      const failure = await program.parseAsync(['node', 'millrace', ...words.split(' '), '--some', 'option']).then(() => null, (error: unknown) => error);
      expect(failure, words).toMatchObject({ code: 'bad_request', message: expect.stringMatching(/means nothing here: ./) as string });
    }
  }
});

it('what is named instead exists', () => {
  const program = createProgram('0', () => undefined);
  for (const words of AIRFLOW_WORDS_WITHOUT_MEANING) expect(isWithoutMeaning(words)).toBe(true);
  for (const named of ['worker', 'workers list', 'workers drain', 'pod-launcher', 'roles list', 'roles set', 'db migrate', 'db downgrade', 'db reset', 'db clean', 'config lint', 'teams set', 'runs rerun', 'assets partitions', 'plugins', 'users list', 'users create', 'secrets rotate']) expect(find(program, named), named).toBeDefined();
});
