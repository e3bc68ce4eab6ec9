import type { Command, Option } from 'commander';
import { instant, jsonObject, wholeNumber } from '../client/instants.js';
import type { Run } from './run.js';

/** Why something waits, and what a person does to stop it or let it go. */
export function controlCommands(program: Command, runs: Command, run: Run, output: () => Option): void {
  const handlers = async () => import('../commands/control.js');
  const tasks = commandOf(program, 'tasks');
  const dags = commandOf(program, 'dags');

  tasks.command('why').argument('<dag_id>').argument('<run>', 'run id or logical date').argument('<task_id>').option('-m, --map-index <n>', 'of a mapped task', wholeNumber(0, 1_000_000)).addOption(output())
    .description('what a task instance waits for').action(run(async () => (await handlers()).whyTask));
  runs.command('why').argument('<dag_id>').argument('[run]', 'run id or logical date; the newest when left out').addOption(output())
    .description('what a run waits for').action(run(async () => (await handlers()).whyRun));
  runs.command('cancel').argument('<dag_id>').argument('<run>', 'run id or logical date').addOption(output())
    .description('stop what runs, skip the rest; the run has failed').action(run(async () => (await handlers()).cancelRun));
  runs.command('rerun').argument('<dag_id>').option('--run <ids...>', 'run ids').option('--from <date>', 'first logical date', instant).option('--to <date>', 'last logical date, included', instant)
    .option('--state <states...>', 'runs in these states').option('--partition <keys...>', 'runs of these partitions').option('--task <ids...>', 'these tasks; all when left out')
    .option('--upstream', 'and what is upstream of them').option('--downstream', 'and what is downstream of them').option('--only-failed', 'of them, what failed').option('--newest-first', 'in this order')
    .option('--max-active-runs <n>', 'runs of the plan at once', wholeNumber(1, 10_000)).option('-c, --conf <json>', 'in place of the runs’ own', jsonObject).option('--latest', 'on the latest version of the dag')
    .option('--input <task=json...>', 'a value in place of what an upstream task returned, e.g. extract={"rows": 3}').option('--note <text>').option('--plan', 'only show what it would do; the plan is kept and can be applied').option('--apply <plan_id>', 'apply a plan that was shown before')
    .option('--no-wait', 'return once it is applied').addOption(output())
    .description('run a choice of runs and tasks again, in order').action(run(async () => (await import('../commands/rerun.js')).rerun));
  tasks.command('switch-off').argument('<dag_id>').argument('<task_id>').option('--note <text>', 'why').addOption(output())
    .description('skip a task from now on, in every version of the dag').action(run(async () => (await handlers()).switchOff));
  tasks.command('switch-on').argument('<dag_id>').argument('<task_id>').addOption(output())
    .description('let a task run again').action(run(async () => (await handlers()).switchOn));
  tasks.command('switches').argument('<dag_id>').addOption(output()).description('tasks that are switched off').action(run(async () => (await handlers()).listSwitches));
  dags.command('release').argument('<dag_id>').addOption(output()).description('let a dag that holds after a failed run start runs again').action(run(async () => (await handlers()).releaseDag));
}

function commandOf(program: Command, name: string): Command {
  const found = program.commands.find((command) => command.name() === name);
  if (found === undefined) throw new Error(`no command ${name}`);
  return found;
}
