import type { Command } from 'commander';
import { MillraceError } from '@millrace/vocabulary';

/** Airflow's commands for what does not exist here: what to do instead. */
const WORDS: Readonly<Record<string, string>> = {
  triggerer: 'there is no triggerer: a task that waits is a row with a timer, which schedulers look after',
  celery: 'there is no Celery: millrace worker runs tasks, millrace workers list and drain look after them',
  kerberos: 'there is no Kerberos ticket renewer: run one beside the workers that need it',
  edge: 'there is no edge executor: a worker of its own queue may run anywhere that reaches broker and schedulers (millrace worker -q edge)',
  kubernetes: 'there is no Kubernetes executor to clean up after: millrace pod-launcher deletes its pods itself (pods.keep_finished_seconds)',
  'local-executor': 'there is no executor to choose: millrace standalone runs everything in one process, millrace worker on many',
  'sync-perm': 'permissions are not synchronised: roles are rows (millrace roles list) and count within a second',
  'permissions-cleanup': 'permissions are not kept apart from roles, so none are left over',
  'fab-db': 'users and roles lie in the same database: millrace db',
  'db-manager': 'there is one schema: millrace db migrate, downgrade, reset',
  'state-store': 'the state of tasks stays until it is deleted: DELETE …/taskInstances/{task}/state, or the dag',
  'db export-archived': 'millrace db clean deletes and archives nothing: back up first (pg_dump)',
  'db drop-archived': 'millrace db clean deletes and archives nothing, so nothing is to be dropped',
  'config update': 'no key has changed its name; millrace config lint tells of names that mean nothing',
  'teams sync': 'teams are rows: millrace teams set NAME bundle:folder',
  'partitions clear': 'millrace runs rerun DAG --partition KEY runs partitions again; millrace assets partitions DAG lists them',
  'users export': 'passwords are not told, so users cannot be carried over: millrace users list -o json, millrace users create --if-missing in a script',
  'users import': 'passwords are not told, so users cannot be carried over: millrace users create --if-missing in a script',
  'roles create': 'millrace roles set NAME file.json makes a role with what it may',
  'roles export': 'millrace roles list -o json',
  'roles import': 'millrace roles set NAME file.json, one by one',
  'roles add-perms': 'a role is changed as a whole: millrace roles list -o json, millrace roles set NAME file.json',
  'roles del-perms': 'a role is changed as a whole: millrace roles list -o json, millrace roles set NAME file.json',
  ...Object.fromEntries(['hooks', 'links', 'widgets', 'behaviours', 'logging', 'secrets', 'auth-managers', 'notifications', 'executors', 'queues', 'triggers', 'configs', 'lazy-loaded'].map((name) => [
    `providers ${name}`, 'operators come with the installation and with plugins: millrace plugins lists what those give, docs/users/operators.md the rest'])),
};

export const AIRFLOW_WORDS_WITHOUT_MEANING: readonly string[] = Object.keys(WORDS);

/** Whoever types one is told why, with exit code 2, instead of "unknown command". Not in help and completion. */
export function wordsWithoutMeaning(program: Command): void {
  for (const [words, sentence] of Object.entries(WORDS)) {
    const [first, second] = words.split(' ') as [string, string?];
    const parent = second === undefined ? program : (program.commands.find((each) => each.name() === first) ?? program.command(first, { hidden: true }));
    parent.command(second ?? first, { hidden: true }).argument('[anything...]').helpOption(false).allowUnknownOption().action(() => {
      throw new MillraceError('bad_request', `${words} means nothing here: ${sentence}`);
    });
  }
}
