import type { Command, Option } from 'commander';
import { wholeNumber } from '../client/instants.js';
import type { Run } from './run.js';

const timeout = wholeNumber(1, 86_400);

/** Holding everything, and emptying single workers. */
export function maintenanceCommands(program: Command, run: Run, output: () => Option): void {
  const handlers = async () => import('../commands/maintenance.js');
  const maintenance = program.command('maintenance').description('hold everything: no run starts and no task is handed out; what runs finishes, triggers are taken and kept');
  maintenance.command('on').option('--reason <text>', 'told to everybody who asks why nothing starts').option('--wait', 'until nothing runs any more').option('--timeout <seconds>', 'with --wait: no longer than this', timeout).addOption(output())
    .description('begin; exit code 1 when something still runs at the end of --timeout').action(run(async () => (await handlers()).maintenanceOn));
  maintenance.command('off').addOption(output()).description('go on where it was').action(run(async () => (await handlers()).maintenanceOff));
  maintenance.command('status').addOption(output()).description('whether it is on, since when, by whom, and what still runs').action(run(async () => (await handlers()).maintenanceStatus));
  const workers = program.command('workers').description('processes that run tasks');
  workers.command('list').option('--all', 'also those that ended').addOption(output()).description('workers, their queues and slots').action(run(async () => (await handlers()).listWorkers));
  workers.command('drain').argument('<name>').option('--wait', 'until it has gone').option('--timeout <seconds>', 'with --wait: no longer than this', timeout).addOption(output())
    .description('let a worker finish what it runs, take nothing new, and end; exit code 1 when it is still there at the end of --timeout').action(run(async () => (await handlers()).drainWorker));
}
