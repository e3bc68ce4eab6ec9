import { CommanderError } from 'commander';
import { ERRORS } from '@millrace/vocabulary';
import { versionText } from './commands/version.js';
import { explain } from './output/terminal.js';
import { createProgram } from './command-line/program.js';

// `millrace dags list | head` closes our output early: no reason for a stack trace.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));

const program = createProgram(versionText(), (code) => void (process.exitCode = code));
try {
  await program.parseAsync(process.argv);
} catch (error) {
  // Commander has already said what is wrong with the arguments; 0 is --help and --version.
  process.exitCode = error instanceof CommanderError ? (error.exitCode === 0 ? 0 : ERRORS.bad_request.exit) : explain(error);
}
