import { setTimeout as sleep } from 'node:timers/promises';
import type { ApiClient, Row } from '../client/api-client.js';
import { runPath } from '../client/dag-names.js';
import { printable } from '../output/render.js';

export interface LogOf {
  readonly dagId: string;
  readonly runId: string;
  readonly taskId: string;
  readonly mapIndex: number;
  readonly tryNumber: number;
}

const LOOK_EVERY_MS = 300;

/** Events of a try's log as the api has them, and with `follow` those that come, until the try is over. */
export async function* logEvents(api: ApiClient, log: LogOf, follow: boolean, isOver: () => Promise<boolean>): AsyncGenerator<Row, void, undefined> {
  const path = `${runPath(log.dagId, log.runId)}/taskInstances/${encodeURIComponent(log.taskId)}/logs/${log.tryNumber}`;
  let token: string | undefined;
  let last = false;
  for (let page = 0; ; page++) {
    const answer = await api.get<{ content: (Row | string)[]; continuation_token: string | null }>(path, { map_index: log.mapIndex, token, full_content: false });
    let events = answer.content.map((event) => (typeof event === 'string' ? { event } : event));
    // Where it was read is said once.
    if (page > 0) events = withoutSources(events);
    yield* events;
    const next = answer.continuation_token ?? undefined;
    const advanced = next !== undefined && next !== token && events.length > 0;
    token = next ?? token;
    if (next === undefined || last) return;
    if (advanced) continue;
    if (!follow) return;
    if (await isOver()) last = true; // One more look: for what came before the end.
    else await sleep(LOOK_EVERY_MS);
  }
}

/** An event as the line it was. */
export function logLine(event: Row): string {
  const text = String(event['event'] ?? '').split('\n').map(printable).join('\n');
  // The group around the sources is for browsers; the `***` lines say the same in words.
  if (Array.isArray(event['sources']) || text === '::endgroup::') return '';
  if (event['timestamp'] === null || event['timestamp'] === undefined) return text;
  return `[${String(event['timestamp'])}] {${printable(String(event['logger'] ?? 'task'))}} ${String(event['level'] ?? 'info').toUpperCase()} - ${text}`;
}

function withoutSources(events: Row[]): Row[] {
  const end = events.findIndex((event) => event['event'] === '::endgroup::');
  return Array.isArray(events[0]?.['sources']) && end >= 0 ? events.slice(end + 1) : events;
}
