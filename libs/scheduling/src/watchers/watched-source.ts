import type { SeenItem } from '@millrace/persistence';

/** A connection as a watcher needs it. */
export interface WatcherConnection {
  readonly connType: string;
  readonly host: string | null;
  readonly port: number | null;
  readonly login: string | null;
  readonly password: string | null;
  /** Database, or virtual host. */
  readonly schema: string | null;
}

/** On whose behalf a connection is opened; team null: of a dag of none. */
export interface AskingDag {
  readonly dagId: string;
  readonly team: string | null;
}

/** Looks a connection up and opens its secrets; undefined: there is none. Rejects when it is not for all of these dags. */
export type OpenConnection = (connectionId: string, asking: readonly AskingDag[]) => Promise<WatcherConnection | undefined>;

/** Something that happened outside, ready to be an event; or why it cannot be one. */
export type WatchedItem = SeenItem &
  (
    | { readonly ok: true; readonly extra: Readonly<Record<string, unknown>>; readonly partitionKey: string | null }
    | { readonly ok: false; readonly error: string; readonly content: string | null }
  );

/** What a watcher says of itself and hands over. */
export interface WatcherReport {
  /** Records what is new of these, exactly once. `settles`: items that can be forgotten, because the cursor is past them. Rejects when it cannot be written now. */
  take(items: readonly WatchedItem[], cursor: string | null, settles?: readonly string[]): Promise<void>;
  connected(): void;
  trouble(reason: string): void;
}

/** Listens to one thing outside until it is stopped. */
export interface WatchedSource {
  start(): void;
  stop(): Promise<void>;
}

/** `scheme://login:password@host:port/schema`; the password never leaves it. @throws Error when there is no host */
export function addressOf(scheme: string, connection: WatcherConnection, defaultPort: number, connId: string): string {
  if (connection.host === null || connection.host === '') throw new Error(`connection "${connId}" has no host`);
  const url = new URL(`${scheme}://host`);
  url.hostname = connection.host;
  url.port = String(connection.port ?? defaultPort);
  if (connection.login !== null) url.username = encodeURIComponent(connection.login);
  if (connection.password !== null) url.password = encodeURIComponent(connection.password);
  url.pathname = `/${encodeURIComponent(connection.schema ?? '')}`;
  return url.pathname === '/' && scheme === 'amqp' ? url.href.replace(/\/$/, '') : url.href;
}

/** What people are told of an error, without an address's password. */
export function troubleOf(error: unknown): string {
  const text = error instanceof Error ? error.message || (error as { code?: string }).code || error.name : String(error);
  return text.replaceAll(/\/\/[^/@\s]+@/g, '//***@').slice(0, 500);
}
