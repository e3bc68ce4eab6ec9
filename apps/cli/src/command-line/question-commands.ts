import { Argument, Option } from 'commander';
import type { Command } from 'commander';
import { instant, wholeNumber } from '../client/instants.js';
import { FORMATS } from '../output/render.js';
import type { Run } from './run.js';

const mapIndex = (): Option => new Option('-m, --map-index <n>', 'of a mapped task').argParser(wholeNumber(0, Number.MAX_SAFE_INTEGER));
const shape = (): Option => new Option('-o, --output <format>', 'the whole in this shape; the bare answer when left out').choices(FORMATS);
const run = (): Argument => new Argument('[run]', 'run id or logical date; the newest when left out');

/** Airflow's words for how dags and tasks stand, and for clearing and deleting. */
export function questionCommands(program: Command, on: Run, output: () => Option): void {
  const ofInstances = async () => import('../commands/instances.js');
  const tasks = commandOf(program, 'tasks');
  tasks.command('state').argument('<dag_id>').argument('<task_id>').addArgument(run()).addOption(mapIndex()).addOption(shape())
    .description('the state of a task instance').action(on(async () => (await ofInstances()).taskState));
  tasks.command('states-for-dag-run').argument('<dag_id>').addArgument(run()).addOption(output())
    .description('the states of all task instances of a run').action(on(async () => (await ofInstances()).statesOfRun));
  tasks.command('render').argument('<dag_id>').argument('<task_id>').addArgument(run()).addOption(mapIndex()).addOption(shape())
    .description('the fields of an operator after templates, as its newest try had them').action(on(async () => (await ofInstances()).renderedFields));
  tasks.command('failed-deps').argument('<dag_id>').argument('<task_id>').addArgument(run()).addOption(mapIndex()).addOption(output())
    .description('what is not met for a task instance to run; more: tasks why').action(on(async () => (await ofInstances()).failedDependencies));
  tasks.command('clear').argument('<dag_id>').option('-t, --task-regex <regex>', 'tasks whose id it matches; all when left out').option('-s, --start-date <date>', 'first logical date', instant).option('-e, --end-date <date>', 'last logical date, included', instant)
    .option('--run <run>', 'only this run: its id or logical date').option('-u, --upstream', 'and what is upstream of them').option('-d, --downstream', 'and what is downstream of them')
    .option('-f, --only-failed', 'of them, what failed').option('-r, --only-running', 'of them, what runs').option('--latest', 'on the latest version of the dag').option('--note <text>').option('-y, --yes', 'do it without asking').addOption(output())
    .description('show which task instances would run again and, once agreed to, clear them').action(on(async () => (await ofInstances()).clearTasks));

  const ofDags = async () => import('../commands/dag-facts.js');
  const dags = commandOf(program, 'dags');
  dags.command('state').argument('<dag_id>').addArgument(run()).addOption(shape()).description('the state of a run').action(on(async () => (await ofDags()).dagState));
  dags.command('list-runs').argument('<dag_id>').option('--state <state>', 'queued, running, success or failed').option('-s, --start-date <date>', 'first logical date', instant).option('-e, --end-date <date>', 'last logical date, included', instant)
    .option('--no-backfill', 'without runs of backfills').option('--limit <n>', 'newest so many', wholeNumber(1, 10_000), 100).addOption(output()).description('the runs of a dag, newest first').action(on(async () => (await ofDags()).listDagRuns));
  dags.command('delete').argument('<dag_id>').option('-y, --yes', 'without asking').description('delete a dag with its runs; its file brings it back, empty').action(on(async () => (await ofDags()).deleteDag));
  dags.command('show-dependencies').option('--dot', 'as a graph in Graphviz’s language: … --dot | dot -Tsvg > dags.svg').addOption(output())
    .description('which dags begin with, or wait for, what others do').action(on(async () => (await ofDags()).showDependencies));
  dags.command('list-jobs').option('-d, --dag-id <dag_id>', 'the tries of a dag; without: the services').option('--state <state>').option('--limit <n>', 'newest so many', wholeNumber(1, 10_000), 25).addOption(output())
    .description('what works, or has worked').action(on(async () => (await import('../commands/about.js')).listDagJobs));
  dags.command('clear').argument('<dag_id>').option('--run-id <run>', 'only this run: its id or logical date').option('-s, --start-date <date>', 'first logical date', instant).option('-e, --end-date <date>', 'last logical date, included', instant)
    .option('-f, --only-failed', 'of its tasks, what failed').option('-r, --only-running', 'of its tasks, what runs').option('--latest', 'on the latest version of the dag').option('--note <text>').option('-y, --yes', 'do it without asking').addOption(output())
    .description('run whole runs again; of partitions: runs rerun --partition').action(on(async () => { const { clearTasks } = await ofInstances(); return ((dagId: string, given: { runId?: string; output: 'table' }) => clearTasks(dagId, { ...given, ...(given.runId === undefined ? {} : { run: given.runId }) })) as never; }));
  dags.command('report').addOption(output()).description('files, the dags they give, and how long reading them takes').action(on(async () => (await ofDags()).reportDags));
  dags.command('reserialize').argument('[dag_id...]', 'all when left out').description('let dag-processors read files again').action(on(async () => (await ofDags()).reserializeDags));
}

function commandOf(program: Command, name: string): Command {
  const found = program.commands.find((command) => command.name() === name);
  if (found === undefined) throw new Error(`no command ${name}`);
  return found;
}
