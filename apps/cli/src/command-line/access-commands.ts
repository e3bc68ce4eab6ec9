import { Option } from 'commander';
import type { Command } from 'commander';
import { wholeNumber } from '../client/instants.js';
import type { Run } from './run.js';

/** Users, roles, teams, tokens of programs, and the keys of stored secrets. */
export function accessCommands(program: Command, run: Run, output: () => Option): void {
  const handlers = async () => import('../commands/access.js');
  const users = program.command('users').description('who may log in');
  const facts = (command: Command): Command => command
    .option('-r, --role <role>', 'a role, or Role@team; may be given several times', (role: string, before: readonly string[] | undefined) => [...(before ?? []), role])
    .option('-e, --email <address>').option('-f, --first-name <name>').option('-l, --last-name <name>')
    .option('--password-file <file>', 'file with the password').option('--password', 'read the password from the standard input').addOption(output());
  users.command('list').addOption(output()).description('all users').action(run(async () => (await handlers()).listUsers));
  facts(users.command('create').argument('<name>')).option('--if-missing', 'leave a user who is there as they are').description('a new user; without a password one is made and told').action(run(async () => (await handlers()).createUser));
  facts(users.command('update').argument('<name>')).option('--disable', 'end their sessions and let them in no more').option('--enable').description('change a user; given roles replace those they had').action(run(async () => (await handlers()).changeUser));
  for (const [name, which] of [['add-role', 'add'], ['remove-role', 'remove']] as const) {
    users.command(name).argument('<name>').argument('<role>', 'a role, or Role@team').addOption(output()).description(which === 'add' ? 'give a user one more role' : 'take a role away from a user')
      .action(run(async () => { const { changeRole } = await handlers(); return ((user: string, role: string, given: { output: 'table' }) => changeRole(which, user, role, given)) as never; }));
  }
  users.command('reset-password').argument('<name>').option('--password-file <file>', 'file with the password').option('--password', 'read the password from the standard input').description('a new password; without one it is made and told').action(run(async () => (await handlers()).resetPassword));
  users.command('delete').argument('<name>').description('delete a user and their tokens').action(run(async () => (await handlers()).deleteUser));

  const roles = program.command('roles').description('what users may');
  roles.command('list').addOption(output()).description('all roles').action(run(async () => (await handlers()).listRoles));
  roles.command('set').argument('<name>').argument('<permissions>', 'JSON file; - for the standard input').option('-d, --description <text>').addOption(output()).description('make a role, or change it').action(run(async () => (await handlers()).setRole));
  roles.command('delete').argument('<name>').description('delete a role nobody has').action(run(async () => (await handlers()).deleteRole));

  const teams = program.command('teams').description('who owns which dags');
  teams.command('list').addOption(output()).description('all teams').action(run(async () => (await handlers()).listTeams));
  teams.command('create').argument('<name>').addOption(output()).description('make a team that dags name; teams set gives it folders').action(run(async () => (await handlers()).createTeam));
  teams.command('set').argument('<name>').argument('[sources...]', 'bundle or bundle:folder; without any, dags name the team').option('-d, --description <text>').addOption(output()).description('make a team, or change it').action(run(async () => (await handlers()).setTeam));
  teams.command('delete').argument('<name>').description('delete a team').action(run(async () => (await handlers()).deleteTeam));

  const tokens = program.command('tokens').description('tokens of programs');
  tokens.command('list').option('--all', "everybody's").addOption(output()).description('your tokens').action(run(async () => (await handlers()).listTokens));
  tokens.command('create').argument('<name>').option('--permissions <file>', 'JSON file with the part of your permissions it has; without: all of them').option('--days <n>', 'it expires after so many days', wholeNumber(1, 36_500)).description('a new token, printed once').action(run(async () => (await handlers()).createToken));
  tokens.command('revoke').argument('<id>', 'id, or name of one of yours').description('end a token at once').action(run(async () => (await handlers()).revokeToken));

  const rotate = run(async () => (await import('../commands/secrets.js')).rotateStoredSecrets);
  program.command('rotate-fernet-key', { hidden: true }).description('same as: secrets rotate').action(rotate);
  program.command('secrets').description('keys of stored secrets')
    .command('rotate').description('put stored secrets under the first key of security.secret_keys; may be stopped and run again').action(rotate);
}
