import { constants } from 'node:os';
import { ERRORS, MillraceError } from '@millrace/vocabulary';
import type { Service } from './service.js';

export interface RunOptions {
  /** Where sentences for a person go. Default: a line on stderr. */
  readonly onMessage?: (sentence: string, error?: unknown) => void;
}

/**
 * Runs a service until SIGTERM or SIGINT, or until it is asked to end by other means ({@link Service.endAsked}), then ends the process: 0 after a clean stop, 1 when stopping failed, 128 + n at
 * once on a second signal. When creating or starting fails, the exit code of the {@link MillraceError} (else 1).
 * Give a function when creating can fail too, so that a wrong configuration is one sentence instead of a stack trace.
 */
export async function runUntilSignal(service: Service | (() => Service | Promise<Service>), options: RunOptions = {}): Promise<never> {
  const say = options.onMessage ?? ((sentence) => process.stderr.write(`${sentence}\n`));
  let running: Service | null = null;
  const signalled = new Promise<NodeJS.Signals>((resolve) => {
    let first: NodeJS.Signals | null = null;
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.on(signal, () => {
        if (first !== null) {
          say(`millrace: second signal (${signal}): ending at once`);
          process.exit(128 + constants.signals[signal]);
        }
        first = signal;
        resolve(signal);
      });
    }
  });
  try {
    running = typeof service === 'function' ? await service() : service;
    // A signal during start must not wait for it: a start may be waiting for a database that never comes.
    await Promise.race([running.start(), signalled]);
  } catch (error) {
    say(sentenceOf(error), error);
    await running?.stop().catch((stopError: unknown) => say(sentenceOf(stopError), stopError));
    process.exit(exitCodeOf(error));
  }
  await Promise.race([signalled, ...(running.endAsked === undefined ? [] : [running.endAsked])]);
  try {
    await running.stop();
  } catch (error) {
    say(`millrace: ${running.name} did not stop cleanly: ${sentenceOf(error)}`, error);
    process.exit(1);
  }
  process.exit(0);
}

function exitCodeOf(error: unknown): number {
  return error instanceof MillraceError ? ERRORS[error.code].exit : 1;
}

/** Refusals are sentences for a person; anything else is a bug and shows where. */
function sentenceOf(error: unknown): string {
  if (error instanceof MillraceError) return `millrace: ${error.message}`;
  return `millrace: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
}
