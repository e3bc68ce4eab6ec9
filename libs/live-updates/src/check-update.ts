import type { LiveUpdate } from './live-updates.js';

const KINDS: ReadonlySet<unknown> = new Set<LiveUpdate['kind']>(['run', 'instance', 'dag', 'worker', 'log']);
/** One message holds at most this many updates. */
const MAX_UPDATES = 10_000;

/** The well-formed updates of a message from outside; anything else is left out, and null says that it was no message of ours. */
export function readUpdates(text: string): readonly LiveUpdate[] | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (!Array.isArray(value) || value.length > MAX_UPDATES) return null;
  return value.filter(isUpdate);
}

function isUpdate(value: unknown): value is LiveUpdate {
  if (typeof value !== 'object' || value === null) return false;
  const update = value as Record<string, unknown>;
  return (
    KINDS.has(update['kind']) &&
    typeof update['atMs'] === 'number' &&
    ['dagId', 'runId', 'taskId'].every((name) => update[name] === undefined || typeof update[name] === 'string') &&
    (update['mapIndex'] === undefined || Number.isInteger(update['mapIndex'])) &&
    (update['state'] === undefined || update['state'] === null || typeof update['state'] === 'string')
  );
}
