import { fsyncSync, openSync, writeSync } from 'node:fs';
import type { TaskContext } from '@millrace/sdk';
import { LEDGER_FILE } from './ledger-file.js';

let file: number | null = null;

/**
 * Task code that writes into the ledger, outside PostgreSQL, before and after its work. The line is on the disk before the
 * work goes on, so a kill at any point leaves the truth.
 */
export function ledgered<Output>(work: (context: TaskContext) => Output | Promise<Output>): (input: unknown, context: TaskContext) => Promise<Output> {
  return async (_, context) => {
    note('start', context);
    context.signal.addEventListener('abort', () => note('killed', context));
    try {
      const output = await work(context);
      note('end', context, true);
      return output;
    } catch (error) {
      note('end', context, false);
      throw error;
    }
  };
}

export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener('abort', () => {
      clearTimeout(timer);
      reject(new Error('stopped'));
    });
  });
}

function note(event: 'start' | 'end' | 'killed', context: TaskContext, ok?: boolean): void {
  file ??= openSync(LEDGER_FILE, 'a');
  const line = {
    event, attempt: context.attemptId, fence: context.tryNumber, dag: context.dagId, run: context.runId, task: context.taskId, index: context.indexPath,
    try: context.tryNumber, pid: process.pid, ns: String(process.hrtime.bigint()), ...(ok === undefined ? {} : { ok }),
  };
  writeSync(file, `${JSON.stringify(line)}\n`);
  fsyncSync(file);
}
