import { Argument, Command, Option } from 'commander';
import { instant, jsonObject, wholeNumber } from '../client/instants.js';
import { accessCommands } from './access-commands.js';
import { controlCommands } from './control-commands.js';
import { deployCommands } from './deploy-commands.js';
import { maintenanceCommands } from './maintenance-commands.js';
import { FORMATS } from '../output/render.js';
import { wordsWithoutMeaning } from './words-without-meaning.js';
import { questionCommands } from './question-commands.js';
import type { Handler, Run } from './run.js';
import { aboutCommands, settingsCommands, team } from './settings-commands.js';

/**
 * Every command. Handlers are loaded when they are called: a client command never loads a service, and `millrace version`
 * loads next to nothing.
 */
export function createProgram(version: string, onExit: (code: number) => void): Command {
  const program = new Command('millrace').description('Workflows: dags of tasks, run by workers. Airflow’s words, milliseconds between tasks.').version(version, '-V, --version').showHelpAfterError('(add --help for what it takes)').showSuggestionAfterError().enablePositionalOptions().exitOverride();
  const run = (load: () => Promise<Handler>) => async (...args: unknown[]): Promise<void> => {
    // The last argument is commander's own.
    onExit((await (await load())(...(args.slice(0, -1) as never[]))) ?? 0);
  };
  const output = (): Option => new Option('-o, --output <format>', 'shape of the output').choices(FORMATS).default('table');
  const date = (name: string, text: string): Argument => new Argument(name, text).argParser(instant);

  program.command('version').description('print the version').action(run(async () => () => void process.stdout.write(`${version}\n`)));

  startingCommands(program, run);
  dagCommands(program, run, output, date);
  taskCommands(program, run, output, date);

  const runs = program.command('runs').description('dag runs');
  runs.command('list').argument('<dag_id>').option('--state <state>', 'queued, running, success or failed').option('--limit <n>', 'newest so many', wholeNumber(1, 10_000), 25).addOption(output())
    .description('the newest runs of a dag').action(run(async () => (await import('../commands/runs.js')).listRuns));
  runs.command('show').argument('<dag_id>').argument('[run]', 'run id or logical date; the newest when left out').addOption(output())
    .description('a run and its task instances').action(run(async () => (await import('../commands/runs.js')).showRun));
  runs.command('wait').argument('<dag_id>').argument('[run]', 'run id or logical date; the newest when left out').option('--timeout <seconds>', 'wait no longer', wholeNumber(1, 31_536_000)).addOption(output())
    .description('wait for the end of a run, tell the progress, and print its result when the dag has one; exit code 1 when it fails').action(run(async () => (await import('../commands/runs.js')).waitForRun));

  questionCommands(program, run, output);
  controlCommands(program, runs, run, output);
  deployCommands(program, run, output);
  backfillCommands(program, run, output);
  assetCommands(program, run, output);
  poolCommands(program, run, output);
  maintenanceCommands(program, run, output);
  accessCommands(program, run, output);
  settingsCommands(program, run, output);
  aboutCommands(program, run, output);

  program.command('init').argument('<folder>').option('--update', 'only renew its packages').description('make a project with a dag, a plugin, a test and what editors need').action(run(async () => (await import('../commands/init.js')).initProject));
  program.command('pack-sdk').argument('<folder>').description('write @millrace/sdk and @millrace/operators as packages for npm, complete in themselves').action(run(async () => (await import('../commands/init.js')).packSdk));
  program.command('plugins').description('plugins and what they give; exit code 1 when one is broken').addOption(output()).action(run(async () => (await import('../commands/plugins.js')).listPlugins));

  const config = program.command('config').description('configuration');
  config.command('list').option('--describe', 'also what each key means').addOption(output()).description('every key, its value and where it comes from')
    .action(run(async () => (await import('../commands/config.js')).listConfig));
  config.command('lint').addOption(output()).description('what is wrong with the configuration, unknown and Airflow’s names included; exit code 1 when there is anything').action(run(async () => (await import('../commands/config.js')).lintConfig));
  config.command('get-value').argument('<section>', 'e.g. api; or the whole key, e.g. api.port').argument('[option]').description('the value of a key alone').action(run(async () => (await import('../commands/config.js')).showConfigValue));
  const db = program.command('db').description('the database of the services');
  const migrate = run(async () => (await import('../commands/db.js')).migrateDatabase);
  db.command('migrate').description('bring the database up to date').action(migrate);
  db.command('downgrade').requiredOption('--to <migration>', 'the newest migration that stays').option('-y, --yes', 'do it; otherwise it is only told')
    .description('take migrations back, with the newer version’s program').action(run(async () => (await import('../commands/db.js')).downgradeDatabase));
  db.command('clean').requiredOption('--before <date>', 'what ended before it goes', instant).option('--tables <names>', 'comma-separated; all when left out').option('--dry-run', 'only count').option('-y, --yes', 'delete; otherwise it is only counted').addOption(output())
    .description('delete old runs with their tasks, old decisions, tries, audit entries').action(run(async () => (await import('../commands/db.js')).cleanOldRows));
  db.command('maintain').description('make partitions ahead and drop old ones, as schedulers do every hour').action(run(async () => (await import('../commands/db.js')).maintainDatabase));
  db.command('check').option('--wait <seconds>', 'wait until it is', wholeNumber(1, 86_400)).description('whether the database answers and is up to date').action(run(async () => (await import('../commands/db.js')).checkDatabase));
  db.command('reset').option('-y, --yes', 'without asking').option('-s, --skip-init', 'do not make the schema anew').description('delete everything of Millrace in the database; asks first, and not while services run').action(run(async () => (await import('../commands/db.js')).resetDatabase));
  db.command('shell').argument('[psql options...]', 'after --, e.g. -- -c "select 1"').description('psql on the database').action(run(async () => (await import('../commands/db.js')).openShell));
  db.command('check-migrations').option('-t, --migration-wait-timeout <seconds>', 'wait until it is', wholeNumber(0, 86_400), 60).description('the same as db check, waiting')
    .action(run(async () => { const { checkDatabase } = await import('../commands/db.js'); return ((given: { migrationWaitTimeout: number }) => checkDatabase({ wait: given.migrationWaitTimeout })) as Handler; }));
  program.command('doctor').addOption(output()).description('look at everything that can be reached from here and say what to do; exit code 1 when something fails')
    .action(run(async () => (await import('../commands/doctor.js')).doctor));
  program.command('initdb', { hidden: true }).description('same as: db migrate').action(migrate);
  wordsWithoutMeaning(program);
  applyToAll(program);
  return program;
}

function startingCommands(program: Command, run: Run): void {
  const port = wholeNumber(0, 65_535);
  program.command('standalone').description('everything in one process, with a database of its own; nothing else is needed')
    .option('-p, --port <port>', 'port of the api and the web UI (default 8080)', port).option('--host <address>', 'address it listens on (default 127.0.0.1)')
    .option('--no-examples', 'without the example dags').option('-v, --verbose', 'tell what the services do')
    .action(run(async () => (await import('../standalone/run-standalone.js')).runStandalone));
  const services = async () => import('../service-commands/run-service.js');
  program.command('api').alias('webserver').alias('api-server').description('the REST API and the web UI').option('-p, --port <port>', 'default 8080', port).option('--host <address>', 'default 127.0.0.1')
    .action(run(async () => (await services()).runApi));
  program.command('scheduler').description('applies runs, timers and schedules, and serves workers').action(run(async () => (await services()).runScheduler));
  program.command('worker').description('runs tasks').option('-q, --queues <names>', 'comma-separated').option('-c, --concurrency <n>', 'tasks at once', wholeNumber(1, 1_000)).option('--attempt <ids>', 'only this one: instance id/attempt id; ends with it')
    .action(run(async () => (await services()).runWorker));
  program.command('pod-launcher').description('runs the tasks of its queues in a Kubernetes pod each').action(run(async () => (await services()).runPodLauncher));
  program.command('log-server').description('serves the logs of this host').option('-p, --port <port>', 'default 8795', port).action(run(async () => (await services()).runLogServer));
  program.command('dag-processor').description('turns dag files into dag versions').action(run(async () => (await services()).runDagProcessor));
}

function dagCommands(program: Command, run: Run, output: () => Option, date: (name: string, text: string) => Argument): void {
  const dags = program.command('dags').description('dags');
  const handlers = async () => import('../commands/dags.js');
  dags.command('list').option('--pattern <text>', 'part of the dag id').option('--tags <tag>', 'with this tag').option('--paused', 'only paused ones').addOption(output())
    .description('all dags').action(run(async () => (await handlers()).listDags));
  dags.command('list-import-errors').addOption(output()).description('dag files that cannot be read, with file, line and reason; exit code 1 when there are any')
    .action(run(async () => (await handlers()).listImportErrors));
  dags.command('list-warnings').addOption(output()).description('tasks that would fail because of their pool; exit code 1 when there are any')
    .action(run(async () => (await import('../commands/pools.js')).listWarnings));
  dags.command('show').alias('details').argument('<dag_id>').option('--tree', 'only its tasks, each below what it waits for').addOption(output()).description('a dag and its tasks').action(run(async () => (await handlers()).showDag));
  dags.command('next-execution').argument('<dag_id>').description('the next runs with their data intervals').option('-n, --num-executions <n>', 'so many', wholeNumber(1, 100), 1).addOption(output())
    .action(run(async () => (await import('../commands/schedule.js')).nextExecution));
  dags.command('trigger').argument('<dag_id>').description('start a run')
    .option('-c, --conf <json>', 'a JSON object for the run', jsonObject).option('-e, --logical-date <date>', 'unique per dag; none when left out', instant)
    .option('-r, --run-id <id>', 'made up when left out').option('--note <text>').option('--partition-key <key>', 'of a partitioned dag')
    .option('-w, --wait', 'wait for the end and tell the progress; exit code 1 when the run fails').option('--timeout <seconds>', 'wait no longer', wholeNumber(1, 31_536_000))
    .addOption(output()).action(run(async () => (await handlers()).triggerDag));
  for (const [name, paused] of [['pause', true], ['unpause', false]] as const) {
    dags.command(name).argument('<dag_id>').addOption(output()).description(paused ? 'start nothing new of a dag' : 'let a dag run again')
      .action(run(async () => { const { setPaused } = await handlers(); return ((dagId: string, options: { output: 'table' }) => setPaused(dagId, paused, options)) as Handler; }));
  }
  dags.command('test').argument('<dag_id>').addArgument(date('[date]', 'logical date')).option('-c, --conf <json>', 'a JSON object for the run', jsonObject)
    .option('--date <date>', 'the same as the argument', instant).option('-f, --file <path>', 'the dag file; otherwise it is looked for in the dags folders')
    .option('--dags <folder>', 'look here instead of dags/ in the home folder').option('--fakes <file>', 'JSON with outcomes, connections, variables, events, answers, as runDag takes them')
    .option('--on-server', 'as a real run of a running api, with workers').addOption(output())
    .description('run a dag once, here and now, without any service; waits and retry delays take no time').action(run(async () => (await import('../commands/test-dag.js')).testDagHere));
}

function taskCommands(program: Command, run: Run, output: () => Option, date: (name: string, text: string) => Argument): void {
  const handlers = async () => import('../commands/tasks.js');
  const tasks = program.command('tasks').description('tasks and their logs');
  tasks.command('list').argument('<dag_id>').addOption(output()).description('the tasks of a dag').action(run(async () => (await handlers()).listTasks));
  tasks.command('test').argument('<dag_id>').argument('<task_id>').addArgument(date('[date]', 'logical date')).option('-c, --conf <json>', 'a JSON object for the run', jsonObject)
    .option('-t, --task-params <json>', 'the same, as Airflow has it', jsonObject).option('--env-vars <json>', 'environment variables of it', jsonObject).option('-f, --file <path>', 'the dag file; otherwise it is looked for in the dags folders')
    .option('--dags <folder>', 'look here instead of dags/ in the home folder').option('--fakes <file>', 'JSON with outcomes, connections, variables, events, answers, as runDag takes them').addOption(output())
    .description('run one task here and now, without any service and without what is upstream of it').action(run(async () => (await import('../commands/test-dag.js')).testTaskHere));
  for (const command of [tasks.command('run'), program.command('run')]) {
    command.argument('<dag_id>').argument('<task_id>').addArgument(date('<date>', 'logical date')).description('run one task for a date, with its log on the terminal')
      .action(run(async () => (await handlers()).runTask));
  }
  tasks.command('logs').argument('<dag_id>').argument('<task_id>').argument('[run]', 'run id or logical date; the newest when left out').description('the log of a try')
    .option('-t, --try <n>', 'the newest when left out', wholeNumber(1, 1_000_000)).option('-m, --map-index <n>', 'of a mapped task', wholeNumber(0, 1_000_000)).option('-f, --follow', 'go on until the try ends')
    .addOption(output()).action(run(async () => (await handlers()).showLogs));
}

function backfillCommands(program: Command, run: Run, output: () => Option): void {
  const handlers = async () => import('../commands/backfill.js');
  const options = (command: Command): Command => command.argument('[dag_id]').option('--dag-id <dag_id>', 'the same, as Airflow has it')
    .option('-s, --from-date <date>', 'first logical date', instant).option('-e, --to-date <date>', 'last logical date, included', instant)
    .option('--max-active-runs <n>', 'runs at once', wholeNumber(1, 1_000), 10)
    .addOption(new Option('--reprocess-behavior <which>', 'existing runs to run again').choices(['none', 'failed', 'completed']).default('none'))
    .option('--run-backwards', 'newest first').option('-c, --dag-run-conf <json>', 'a JSON object for each run', jsonObject)
    .option('--run-on-latest-version', 'what is run again takes the dag as it is now', true).option('--no-run-on-latest-version', 'what is run again keeps its own version')
    .option('--dry-run', 'only show what would be done').option('--no-wait', 'return at once').addOption(output()).action(run(async () => (await handlers()).createBackfill));
  const backfill = options(program.command('backfill').description('runs for past dates: backfill DAG -s DATE -e DATE').enablePositionalOptions());
  options(backfill.command('create').description('same as: backfill DAG'));
  backfill.command('list').requiredOption('--dag-id <dag_id>', 'of this dag').addOption(output()).description('the backfills of a dag, newest first').action(run(async () => (await handlers()).listBackfills));
  const id = (): Argument => new Argument('<id>', 'number of the backfill').argParser(wholeNumber(1, Number.MAX_SAFE_INTEGER));
  backfill.command('show').addArgument(id()).addOption(output()).description('how far a backfill is, and each of its dates').action(run(async () => (await handlers()).showBackfill));
  for (const [how, text] of [['pause', 'start no more runs of a backfill'], ['unpause', 'go on with a backfill'], ['cancel', 'fail what has not begun of a backfill; what runs may end']] as const) {
    backfill.command(how).addArgument(id()).addOption(output()).description(text)
      .action(run(async () => { const { changeBackfill } = await handlers(); return ((number: number, given: { output: 'table' }) => changeBackfill(how, number, given)) as Handler; }));
  }
}

function poolCommands(program: Command, run: Run, output: () => Option): void {
  const handlers = async () => import('../commands/pools.js');
  const pools = program.command('pools').description('slots that tasks of all dags share');
  pools.command('list').addOption(output()).description('all pools and what is taken of them').action(run(async () => (await handlers()).listPools));
  pools.command('get').argument('<name>').addOption(output()).description('one pool').action(run(async () => (await handlers()).showPool));
  pools.command('set').argument('<name>').addArgument(new Argument('<slots>', '-1: no limit; 0: closed').argParser(wholeNumber(-1, 2_147_483_647))).argument('[description]')
    .option('--include-deferred', 'deferred tasks keep their slots').option('--no-include-deferred', 'they do not').addOption(team()).addOption(output()).description('make or change a pool').allowUnknownOption()
    .action(run(async () => (await handlers()).setPool));
  pools.command('delete').argument('<name>').description('delete a pool').action(run(async () => (await handlers()).deletePool));
}

function assetCommands(program: Command, run: Run, output: () => Option): void {
  const handlers = async () => import('../commands/assets.js');
  const assets = program.command('assets').description('assets, their events, and what waits for them');
  assets.command('list').option('--alias', 'aliases instead').option('--pattern <text>', 'part of the name').option('--all', 'also those no dag has any more').addOption(output())
    .description('all assets').action(run(async () => (await handlers()).listAssets));
  const named = (command: Command): Command => command.argument('[name]').option('--name <name>', 'the same, as Airflow has it').option('--uri <uri>', 'when there are several of that name, or instead of it');
  named(assets.command('details')).option('--alias', 'an alias').addOption(output()).description('an asset with who waits for, writes and reads it').action(run(async () => (await handlers()).showAsset));
  named(assets.command('materialize')).option('-c, --conf <json>', 'a JSON object for the run', jsonObject).option('--partition-key <key>').addOption(output())
    .description('run the dag that writes an asset').action(run(async () => (await handlers()).materializeAsset));
  named(assets.command('events')).option('--limit <n>', 'newest so many', wholeNumber(1, 10_000), 25).addOption(output()).description('what happened to an asset, or to all').action(run(async () => (await handlers()).listAssetEvents));
  named(assets.command('record')).option('--extra <json>', 'a JSON object kept with the event', jsonObject).option('--partition-key <key>').addOption(output())
    .description('say that an asset was written by somebody else; what waits for it runs').action(run(async () => (await handlers()).recordAssetEvent));
  assets.command('next').argument('<dag_id>').addOption(output()).description('what the next run of a dag waits for').action(run(async () => (await handlers()).nextRunAssets));
  assets.command('partitions').argument('<dag_id>').option('--waiting', 'only those without a run').option('--limit <n>', 'newest so many', wholeNumber(1, 10_000), 25).addOption(output())
    .description('partitions of a dag, and what they wait for').action(run(async () => (await handlers()).listPartitions));
  assets.command('watchers').addOption(output()).description('what is listened to outside, and how it is').action(run(async () => (await handlers()).listWatchers));
  assets.command('parked').addArgument(new Argument('<watcher>', 'number of the watcher').argParser(wholeNumber(1, Number.MAX_SAFE_INTEGER))).addOption(output())
    .description('messages and rows a watcher could not use').action(run(async () => (await handlers()).listParked));
}

/** Settings commander does not hand down to commands that exist already. */
function applyToAll(command: Command): void {
  for (const each of command.commands) {
    each.exitOverride().showHelpAfterError('(add --help for what it takes)').showSuggestionAfterError();
    applyToAll(each);
  }
}
