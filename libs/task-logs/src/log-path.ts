import { createHash } from 'node:crypto';
import { ID_PATTERN, MillraceError, RUN_ID_PATTERN } from '@millrace/vocabulary';
import type { IndexPath } from '@millrace/vocabulary';

/** Which try a log belongs to. `indexPath` is `[]` for an unmapped task. */
export interface LogKey {
  readonly dagId: string;
  readonly runId: string;
  readonly taskId: string;
  readonly indexPath: IndexPath;
  readonly tryNumber: number;
}

/** Longest file name of the file systems we run on, in bytes. */
const SEGMENT_MAX_BYTES = 255;

/**
 * Where a try's log lies under `logs.folder`: `dag_id=…/run_id=…/task_id=…/[map_index=…/]attempt=N.log`.
 * Nested mapping writes its whole path, `map_index=2.5`. An id too long for a file name is cut and carries its hash.
 * @throws MillraceError `invalid` when an id could not have been accepted by any service.
 */
export function logPathOf(key: LogKey): string {
  if (!ID_PATTERN.test(key.dagId)) throw unusable('dag id', key.dagId);
  if (!RUN_ID_PATTERN.test(key.runId)) throw unusable('run id', key.runId);
  if (!ID_PATTERN.test(key.taskId)) throw unusable('task id', key.taskId);
  if (!key.indexPath.every((index) => Number.isSafeInteger(index) && index >= 0)) throw unusable('index path', key.indexPath.join('.'));
  if (!Number.isSafeInteger(key.tryNumber) || key.tryNumber < 0) throw unusable('try number', String(key.tryNumber));
  const segments = [segment('dag_id', key.dagId), segment('run_id', key.runId), segment('task_id', key.taskId)];
  if (key.indexPath.length > 0) segments.push(`map_index=${key.indexPath.join('.')}`);
  return [...segments, `attempt=${key.tryNumber}.log`].join('/');
}

/** Whether a text has exactly the shape {@link logPathOf} makes; nothing else is ever opened for a caller. */
export function isLogPath(path: string): boolean {
  const parts = path.split('/');
  if (parts.length !== 4 && parts.length !== 5) return false;
  const [dag, run, task] = parts as [string, string, string];
  const file = parts.at(-1) as string;
  return isSegment(dag, 'dag_id', ID_PATTERN) && isSegment(run, 'run_id', RUN_ID_PATTERN) && isSegment(task, 'task_id', ID_PATTERN)
    && (parts.length === 4 || /^map_index=\d{1,15}(\.\d{1,15})*$/.test(parts[3] as string)) && /^attempt=\d{1,15}\.log$/.test(file);
}

/** A log path as the path of a URL below `/log/`; `=`, `:` and `+` stay readable, they mean nothing in a URL's path. */
export function logUrlPath(path: string): string {
  const encoded = path.split('/').map(encodeURIComponent).join('/');
  return `/log/${encoded.replace(/%3D/g, '=').replace(/%3A/g, ':').replace(/%2B/g, '+')}`;
}

/**
 * The log path a request names, or null when it is no such path.
 * Dots, slashes, backslashes, percent signs and NUL never need encoding in these paths, so an encoded one is an attack.
 */
export function logPathFromUrl(rawPath: string): string | null {
  if (!rawPath.startsWith('/log/') || /%(2e|2f|5c|25|00)/i.test(rawPath)) return null;
  let path: string;
  try {
    path = decodeURIComponent(rawPath.slice('/log/'.length));
  } catch {
    return null;
  }
  return isLogPath(path) ? path : null;
}

function segment(name: string, id: string): string {
  const whole = `${name}=${id}`;
  if (Buffer.byteLength(whole) <= SEGMENT_MAX_BYTES) return whole;
  let kept = whole;
  while (Buffer.byteLength(kept) > SEGMENT_MAX_BYTES - 33) kept = [...kept].slice(0, -1).join('');
  // `=` is in no id, so a shortened name can't be the whole name of another id.
  return `${kept}=${createHash('sha256').update(id).digest('hex').slice(0, 32)}`;
}

function isSegment(text: string, name: string, pattern: RegExp): boolean {
  if (!text.startsWith(`${name}=`) || Buffer.byteLength(text) > SEGMENT_MAX_BYTES) return false;
  const id = text.slice(name.length + 1);
  return pattern.test(id) || (/=[0-9a-f]{32}$/.test(id) && pattern.test(id.slice(0, -33)));
}

function unusable(what: string, value: string): MillraceError {
  return new MillraceError('invalid', `${what} ${JSON.stringify(value)} can't be part of a log's path`);
}
