import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { MillraceError } from '@millrace/vocabulary';

/** Runs a program on this terminal until it ends. @param missing what is said when it is not installed @returns its exit code, as a shell has it */
export function runForeground(program: string, args: readonly string[], env: NodeJS.ProcessEnv, missing: string): Promise<number> {
  // Ctrl-C is the program's: it ends a statement there, and must not end us before it.
  const ignore = (): void => undefined;
  process.on('SIGINT', ignore);
  return new Promise<number>((resolve, reject) => {
    const child = spawn(program, [...args], { stdio: 'inherit', env });
    child.once('error', (error: NodeJS.ErrnoException) => reject(error.code === 'ENOENT' ? new MillraceError('unavailable', missing) : error));
    child.once('exit', (code, signal) => resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal])));
  }).finally(() => process.off('SIGINT', ignore));
}
