import { createHash } from 'node:crypto';

/** `[2026-05-23T04:48:18.035+0000]` at the begin of a log. */
const FIRST_TIME = /^\[(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3})\+0000\]/;
const IDENTITY_BYTES = 200;

/**
 * Key of one part of a try's log. A try that was deferred and went on elsewhere has written parts on several hosts; their keys sort by
 * the time of their first line. The same file has the same key whoever ships it, so that two servers of one folder do not double it.
 * @param beginning the file's first bytes, at least 200 unless it is shorter
 */
export function logPartKey(logPath: string, beginning: Buffer): string {
  const time = FIRST_TIME.exec(beginning.subarray(0, 40).toString('latin1'))?.[1];
  const atMs = time === undefined ? 0 : Date.parse(`${time}Z`);
  // Of the first line only: the file may grow after its first shipping.
  const lineEnd = beginning.indexOf(10);
  const identity = createHash('sha256').update(beginning.subarray(0, lineEnd < 0 ? IDENTITY_BYTES : Math.min(lineEnd, IDENTITY_BYTES))).digest('hex').slice(0, 8);
  return `${partsPrefix(logPath)}${String(atMs).padStart(14, '0')}-${identity}`;
}

/** All parts of a try's log, and nothing else, begin with this. */
export function partsPrefix(logPath: string): string {
  return `${logPath}/`;
}
