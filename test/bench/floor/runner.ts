/** Runs no-op tasks one after the other and notes when each began and ended. */
import { openSync, writeSync } from 'node:fs';

const timesFile = process.argv[2] ?? '';
const file = timesFile === '' ? null : openSync(timesFile, 'a');

process.on('message', (ids: number[]) => {
  for (const id of ids) {
    const start = process.hrtime.bigint();
    if (file !== null) writeSync(file, `${id} ${start} ${process.hrtime.bigint()}\n`);
  }
  process.send?.(ids);
});
