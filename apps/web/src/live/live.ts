import type { Query, QueryClient } from '@tanstack/react-query';
import { useSyncExternalStore } from 'react';

/** A hint of the api that something changed. */
export interface Update {
  readonly kind: 'run' | 'instance' | 'dag' | 'worker' | 'log';
  readonly dagId?: string;
  readonly runId?: string;
}

export type LiveState = 'live' | 'polling' | 'off';

const ADDRESS = '/api/millrace/v1/updates';
const CHANNEL = 'millrace.updates';
const LOCK = 'millrace.updates';
const GATHER_MS = 350;
/** Lists over everything are read again at most this often: on a busy installation something always changes. */
const OVERVIEW_EVERY_MS = 2_000;
const POLL_EVERY_MS = 5_000;
/** Queries whose key begins so follow what happens; settings do not. */
const FOLLOWING: ReadonlySet<unknown> = new Set(['home', 'dags', 'facets', 'dag', 'instances', 'runs', 'services', 'inbox', 'assets', 'backfills']);
const OVERVIEWS: ReadonlySet<unknown> = new Set(['home', 'dags', 'facets', 'runs', 'services', 'inbox', 'assets', 'backfills']);

let state: LiveState = 'off';
const watchers = new Set<() => void>();

export function useLiveState(): LiveState {
  return useSyncExternalStore(
    (watcher) => {
      watchers.add(watcher);
      return () => watchers.delete(watcher);
    },
    () => state,
  );
}

/**
 * Keeps what is shown current. One stream serves all tabs (a browser has six connections to a host over HTTP/1.1): the tab that holds
 * the lock listens and tells the others. Without a stream, what follows is read again every few seconds.
 */
export function startLive(client: QueryClient): () => void {
  const over = new AbortController();
  const refresher = new Refresher(client);
  const channel = new BroadcastChannel(CHANNEL);
  // A channel has no target origin: it reaches pages of its own origin only.
  // oxlint-disable-next-line unicorn/require-post-message-target-origin
  const tell = (message: readonly Update[] | 'live' | 'lost' | 'again'): void => channel.postMessage(message);
  channel.onmessage = (message: MessageEvent<readonly Update[] | 'live' | 'lost' | 'again'>) => {
    if (message.data === 'live') setState('live');
    else if (message.data === 'lost') setState('polling');
    else if (message.data === 'again') refresher.all();
    else refresher.add(message.data);
  };
  setState('polling');
  const listen = (): Promise<void> =>
    new Promise((resolve) => {
      const source = new EventSource(ADDRESS);
      source.addEventListener('open', () => {
        setState('live');
        tell('live');
      });
      source.addEventListener('error', () => {
        setState('polling');
        tell('lost');
        // A refused stream is not tried again by the browser; the page's own requests will say why.
        if (source.readyState === EventSource.CLOSED && !over.signal.aborted) setTimeout(() => resolve(), POLL_EVERY_MS);
      });
      // The browser comes back with the last id it heard; what was missed is told again, or that it is not known.
      source.addEventListener('missed', () => {
        refresher.all();
        tell('again');
      });
      for (const kind of ['run', 'instance', 'dag', 'worker', 'log'] as const) {
        source.addEventListener(kind, (event: MessageEvent<string>) => {
          const update = { ...(JSON.parse(event.data) as Update), kind };
          refresher.add([update]);
          tell([update]);
        });
      }
      over.signal.addEventListener('abort', () => {
        source.close();
        resolve();
      });
    });
  const keep = async (): Promise<void> => {
    while (!over.signal.aborted) await listen();
  };
  if (navigator.locks === undefined) void keep();
  else void navigator.locks.request(LOCK, { signal: over.signal }, keep).catch(() => undefined);

  const poll = setInterval(() => {
    if (state !== 'live' && document.visibilityState === 'visible') refresher.all();
  }, POLL_EVERY_MS);
  return () => {
    over.abort();
    clearInterval(poll);
    refresher.stop();
    channel.close();
    setState('off');
  };
}

/** Gathers hints and reads again what they touch. */
class Refresher {
  #gathered: Update[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #overviewsAt = 0;
  #overviewTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly client: QueryClient) {}

  add(updates: readonly Update[]): void {
    this.#gathered.push(...updates);
    this.#timer ??= setTimeout(() => this.#flush(), GATHER_MS);
  }

  all(): void {
    void this.client.invalidateQueries({ predicate: (query) => FOLLOWING.has(query.queryKey[0]) });
  }

  stop(): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#overviewTimer);
  }

  #flush(): void {
    const updates = this.#gathered;
    this.#gathered = [];
    this.#timer = undefined;
    void this.client.invalidateQueries({ predicate: (query) => touches(query, updates) });
    const waitMs = Math.max(0, this.#overviewsAt + OVERVIEW_EVERY_MS - Date.now());
    this.#overviewTimer ??= setTimeout(() => {
      this.#overviewTimer = undefined;
      this.#overviewsAt = Date.now();
      void this.client.invalidateQueries({ predicate: (query) => OVERVIEWS.has(query.queryKey[0]) });
    }, waitMs);
  }
}

/** Keys of one dag are `['dag', id, …]`, of one run `['dag', id, 'run', runId, …]`. */
export function touches(query: Pick<Query, 'queryKey'>, updates: readonly Update[]): boolean {
  const [subject, dagId, part, runId] = query.queryKey;
  if (subject !== 'dag') return false;
  return updates.some((update) => update.dagId === dagId && (part !== 'run' || update.runId === undefined || update.runId === runId));
}

function setState(next: LiveState): void {
  if (state === next) return;
  state = next;
  for (const watcher of watchers) watcher();
}
