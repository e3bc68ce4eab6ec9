import type { FakeAssetEvent, FakeConnection } from './run-options.js';

/** A connection as JSON of its fields. @throws TypeError for a URI that is none */
export function connectionJson(id: string, given: FakeConnection): string {
  return JSON.stringify(typeof given === 'string' ? fromUri(id, given) : given);
}

function fromUri(id: string, uri: string): object {
  let url: URL;
  try {
    url = new URL(uri);
  } catch {
    throw new TypeError(`connection "${id}" is given as ${JSON.stringify(uri)}, which is no URI; use e.g. postgres://me:secret@host:5432/name, or an object of its fields`);
  }
  const text = (part: string): string | null => (part === '' ? null : decodeURIComponent(part));
  return {
    connType: url.protocol.slice(0, -1), host: text(url.hostname), port: url.port === '' ? null : Number(url.port), login: text(url.username), password: text(url.password),
    schema: text(url.pathname.replace(/^\//, '')), extra: Object.fromEntries(url.searchParams),
  };
}

export function variableText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** Events as the runner reads them, oldest first. */
export function assetEventsJson(events: readonly FakeAssetEvent[], nowMs: number): string {
  return JSON.stringify(events.map((event) => ({
    assetName: event.asset, assetUri: event.uri ?? event.asset, extra: event.extra ?? {}, timestamp: new Date(event.timestamp ?? nowMs).toISOString(),
    sourceDagId: null, sourceRunId: null, sourceTaskId: null, sourceMapIndex: null, partitionKey: event.partitionKey ?? null, aliases: [],
  })));
}
