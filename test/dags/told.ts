import { fsyncSync, openSync, writeSync } from 'node:fs';
import type { CallbackContext } from '@millrace/sdk';
import { LEDGER_FILE } from './ledger-file.js';

let file: number | null = null;

/** A callback that writes what it was told beside the ledger, on the disk before it returns. */
export function tell({ callback, dagId, runId, taskId }: CallbackContext): void {
  file ??= openSync(`${LEDGER_FILE}.told`, 'a');
  writeSync(file, `${JSON.stringify({ id: callback.id, on: callback.on, dag: dagId, run: runId, task: taskId })}\n`);
  fsyncSync(file);
}
