import { Argument, Option } from 'commander';
import type { Command } from 'commander';
import { jsonObject, wholeNumber } from '../client/instants.js';
import { FILE_FORMATS } from '../files/settings-file.js';
import { ON_EXISTING } from '../files/import-in-bulk.js';
import type { Run } from './run.js';

const format = (): Option => new Option('--format <format>', 'of the file; by its name when left out').choices(FILE_FORMATS);
const onExisting = (): Option => new Option('-a, --action-on-existing-key <action>', 'what happens to entries that exist').choices(ON_EXISTING).default('overwrite');
const file = (): Argument => new Argument('<file>', '.json, .yaml or .env; - is stdin or stdout');

export const team = (): Option => new Option('--team-name <team>', 'only its dags may have it; "" gives it back to everybody');

/** Variables, connections and the files of pools. */
export function settingsCommands(program: Command, run: Run, output: () => Option): void {
  const variables = program.command('variables').description('values that tasks read by name');
  const ofVariables = async () => import('../commands/variables.js');
  variables.command('list').addOption(output()).description('all variables').action(run(async () => (await ofVariables()).listVariables));
  variables.command('get').argument('<key>').option('-d, --default <value>', 'printed when there is none').option('-j, --json', 'the value is JSON and is printed as such').addOption(new Option('-o, --output <format>', 'the whole entry in this shape; the value alone when left out').choices(['table', 'json', 'yaml', 'plain']))
    .description('the value of a variable').action(run(async () => (await ofVariables()).showVariable));
  variables.command('set').argument('<key>').argument('<value>').option('-j, --json', 'the value must be JSON').option('--description <text>').addOption(team()).addOption(output()).description('make or change a variable').action(run(async () => (await ofVariables()).setVariable));
  variables.command('delete').argument('<key>').description('delete a variable').action(run(async () => (await ofVariables()).deleteVariable));
  variables.command('import').addArgument(file()).addOption(onExisting()).addOption(format()).description('variables out of a file').action(run(async () => (await ofVariables()).importVariables));
  variables.command('export').addArgument(file()).addOption(format()).description('all variables to a file').action(run(async () => (await ofVariables()).exportVariables));

  const connections = program.command('connections').description('where tasks find databases and services');
  const ofConnections = async () => import('../commands/connections.js');
  connections.command('list').option('--pattern <text>', 'part of the id').addOption(output()).description('all connections').action(run(async () => (await ofConnections()).listConnections));
  connections.command('get').argument('<id>').addOption(output()).description('one connection, without its password').action(run(async () => (await ofConnections()).showConnection));
  connections.command('add').argument('<id>').option('--conn-uri <uri>', 'type://login:password@host:port/schema?extra=…').option('--conn-json <json>', 'the whole as an object with conn_type, host, …', jsonObject).option('--conn-type <type>').option('--conn-host <host>').option('--conn-login <name>')
    .option('--conn-password <password>', 'seen by who lists the processes of this machine; a file that is imported is not').option('--conn-schema <name>').option('--conn-port <n>', 'its port', wholeNumber(1, 65_535)).option('--conn-extra <json>').option('--conn-description <text>').addOption(team()).addOption(output())
    .description('make a connection').action(run(async () => (await ofConnections()).addConnection));
  connections.command('create-default-connections').addOption(output()).description('make the connections that operators look for when they name none, where they are missing').action(run(async () => (await ofConnections()).createDefaultConnections));
  connections.command('delete').argument('<id>').description('delete a connection').action(run(async () => (await ofConnections()).deleteConnection));
  connections.command('test').argument('<id>').addOption(output()).description('whether the api can reach it (security.test_connections); exit code 1 when not').action(run(async () => (await ofConnections()).testConnection));
  connections.command('import').addArgument(file()).addOption(onExisting()).addOption(format()).description('connections out of a file').action(run(async () => (await ofConnections()).importConnections));
  connections.command('export').addArgument(file()).addOption(format()).addOption(new Option('--serialization-format <format>', 'each as an object or as an address').choices(['json', 'uri']).default('json'))
    .description('all connections to a file, without passwords').action(run(async () => (await ofConnections()).exportConnections));

  const pools = program.commands.find((command) => command.name() === 'pools')!;
  const ofPools = async () => import('../commands/pools.js');
  pools.command('import').addArgument(file()).addOption(onExisting()).addOption(format()).description('pools out of a file').action(run(async () => (await ofPools()).importPools));
  pools.command('export').addArgument(file()).addOption(format()).description('all pools to a file').action(run(async () => (await ofPools()).exportPools));
}

/** Who one is, and what there is. */
export function aboutCommands(program: Command, run: Run, output: () => Option): void {
  const ofLogin = async () => import('../commands/login.js');
  program.command('login').argument('<url>', 'of an api, e.g. https://millrace.example.org').option('-u, --username <name>', 'asked for when left out').option('--password-stdin', 'the password comes on stdin')
    .option('--profile <name>', 'what to call it; the host’s name when left out').description('log in to an api; commands ask it from then on').action(run(async () => (await ofLogin()).logIn));
  program.command('logout').option('--profile <name>', 'the current one when left out').description('forget a login').action(run(async () => (await ofLogin()).logOut));
  const profiles = program.command('profiles').description('apis one is logged in to');
  profiles.command('list').addOption(output()).description('all logins; the current one has a star').action(run(async () => (await ofLogin()).listProfiles));
  profiles.command('use').argument('<name>').description('ask this one from now on; for one command: MILLRACE_PROFILE=name').action(run(async () => (await ofLogin()).useProfile));

  const about = async () => import('../commands/about.js');
  const jobs = program.command('jobs').description('services that beat');
  jobs.command('list').option('--job-type <type>', 'SchedulerJob, DagProcessorJob or ApiJob').option('--state <state>', 'running, success or failed').option('--limit <n>', 'newest so many', wholeNumber(1, 10_000), 25).addOption(output())
    .description('services, newest first').action(run(async () => (await about()).listJobs));
  jobs.command('check').option('--job-type <type>', 'only of this type').option('--hostname <name>', 'only on this host').option('--allow-multiple', 'several may be alive').option('--limit <n>', 'looked at', wholeNumber(0, 10_000), 1)
    .description('whether a service is alive; exit code 1 when none is').action(run(async () => (await about()).checkJobs));
  const providers = program.command('providers').description('providers that are loaded');
  providers.command('get').argument('<name>').addOption(output()).description('one of them').action(run(async () => (await about()).showProvider));
  providers.command('list').addOption(output()).description('all of them').action(run(async () => (await about()).listProviders));
  program.command('info').addOption(output()).description('versions, addresses, and whether the api answers').action(run(async () => (await about()).showInfo));
  program.command('cheat-sheet').description('every command, one a line').action(run(async () => { const { cheatSheet } = await about(); return () => cheatSheet(program); }));
  const completion = async () => import('../completion/complete.js');
  program.command('completion').addArgument(new Argument('<shell>', 'whose words to print').choices(['bash', 'zsh', 'fish'])).description('what makes Tab complete commands, options and dag ids')
    .action(run(async () => { const { SCRIPTS } = await completion(); return ((shell: 'bash' | 'zsh' | 'fish') => void process.stdout.write(SCRIPTS[shell])) as never; }));
  program.command('__complete', { hidden: true }).argument('[words...]').option('--describe', 'word, tab, what it is for')
    .action(run(async () => { const { complete } = await completion(); return (async (words: string[], { describe }: { describe?: boolean }) => void process.stdout.write((await complete(program, words)).map(({ word, text }) => `${word}${describe === true ? `\t${text}` : ''}\n`).join(''))) as never; }));
}
