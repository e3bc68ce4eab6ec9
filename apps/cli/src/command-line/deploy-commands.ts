import type { Command, Option } from 'commander';
import { wholeNumber } from '../client/instants.js';
import type { Run } from './run.js';

/** Dags that are kept by the api: folders deployed from CI, and documents. */
export function deployCommands(program: Command, run: Run, output: () => Option): void {
  const dags = program.commands.find((command) => command.name() === 'dags');
  if (dags === undefined) throw new Error('no command dags');
  const handlers = async () => import('../commands/deploy.js');
  dags.command('deploy').argument('<folder>', 'the dags folder; plugins beside it go with it').option('-b, --bundle <name>', 'name of the bundle; the name of the folder when left out')
    .option('--note <text>', 'kept with the deployment, e.g. the commit').option('--check', 'only check, and say what would change').option('--timeout <seconds>', 'wait no longer for the check', wholeNumber(1, 86_400), 600).addOption(output())
    .description('deploy a folder of dags: checked first, then active all at once; exit code 1 when it was refused').action(run(async () => (await handlers()).deploy));
  dags.command('deployments').argument('[bundle]', 'all bundles when left out').addOption(output()).description('what was deployed, newest first').action(run(async () => (await handlers()).listDeployments));
  dags.command('rollback').argument('<bundle>').option('--revision <n>', 'the one that was active before when left out', wholeNumber(1, 1_000_000_000)).addOption(output())
    .description('make an earlier deployment active again').action(run(async () => (await handlers()).rollBack));
  dags.command('undeploy').argument('<bundle>').description('take a deployed bundle and its dags away; runs and history stay').action(run(async () => (await handlers()).undeploy));

  const documents = dags.command('documents').description('dags sent as YAML or JSON');
  const documentHandlers = async () => import('../commands/documents.js');
  documents.command('list').addOption(output()).description('all documents').action(run(async () => (await documentHandlers()).listDocuments));
  documents.command('show').argument('<dag_id>').description('the document as it was sent').action(run(async () => (await documentHandlers()).showDocument));
  documents.command('put').argument('<file>', '- for standard input').option('--if-match <revision>', 'only in place of this revision', wholeNumber(1, 1_000_000_000)).addOption(output())
    .description('create or replace a document').action(run(async () => (await documentHandlers()).putDocument));
  documents.command('validate').argument('<file>', '- for standard input').addOption(output()).description('only check; exit code 1 when something is wrong with it').action(run(async () => (await documentHandlers()).validateDocument));
  documents.command('delete').argument('<dag_id>').option('--if-match <revision>', 'only when this revision is current', wholeNumber(1, 1_000_000_000)).description('take a document and its dag away; runs and history stay')
    .action(run(async () => (await documentHandlers()).deleteDocument));
}
