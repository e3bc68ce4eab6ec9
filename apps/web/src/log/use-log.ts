import { useEffect, useRef, useState } from 'react';
import { path, withQuery } from '../rest/client.js';
import { LogLines } from './log-lines.js';
import type { LogEvent } from './log-lines.js';

export interface TryName {
  readonly dagId: string;
  readonly runId: string;
  readonly taskId: string;
  readonly mapIndex: number;
  readonly tryNumber: number;
}

export interface LogState {
  readonly log: LogLines;
  /** Raised whenever lines were added. */
  readonly version: number;
  readonly status: 'loading' | 'following' | 'over' | 'paused' | 'failed';
  readonly failure: string | null;
  /** Goes on where the log was too long to be read at once. */
  readonly more: () => void;
}

/** So many chunks of 4 MB are read before a person is asked: a log may have gigabytes. */
const CHUNKS_AT_ONCE = 6;
const AGAIN_MS = 1_000;

export function logAddress(name: TryName): string {
  return path`/api/v2/dags/${name.dagId}/dagRuns/${name.runId}/taskInstances/${name.taskId}/logs/${name.tryNumber}`;
}

/** The address of the whole log as text. */
export function textAddress(name: TryName): string {
  return withQuery(path`/api/millrace/v1/dags/${name.dagId}/dagRuns/${name.runId}/taskInstances/${name.taskId}/logs/${name.tryNumber}/stream`, { map_index: name.mapIndex });
}

/** Reads a try's log from its beginning, then what is written until the try ends. */
export function useLog(name: TryName, isLive: boolean): LogState {
  const [state, setState] = useState<Omit<LogState, 'more' | 'log'>>({ version: 0, status: 'loading', failure: null });
  const log = useRef(new LogLines());
  const budget = useRef(CHUNKS_AT_ONCE);
  const wake = useRef<() => void>(() => undefined);
  const live = useRef(isLive);
  useEffect(() => {
    live.current = isLive;
  }, [isLive]);
  const key = JSON.stringify(name);

  useEffect(() => {
    const gone = new AbortController();
    log.current = new LogLines();
    budget.current = CHUNKS_AT_ONCE;
    setState({ version: 0, status: 'loading', failure: null });
    let version = 0;
    const tell = (status: LogState['status'], failure: string | null = null): void => setState({ version, status, failure });
    const read = async (): Promise<void> => {
      let token: string | null = null;
      let isFirst = true;
      while (!gone.signal.aborted) {
        const response = await fetch(withQuery(logAddress(name), { map_index: name.mapIndex, token }), { headers: { accept: 'application/json' }, signal: gone.signal });
        const answer = (await response.json()) as { content?: readonly LogEvent[]; continuation_token?: string | null; detail?: unknown };
        if (!response.ok) return tell('failed', typeof answer.detail === 'string' ? answer.detail : response.statusText);
        const events = (answer.content ?? []).filter((event) => isFirst || !isSource(event));
        isFirst = false;
        if (events.length > 0) {
          log.current.add(events);
          version++;
        }
        if (answer.continuation_token === null || answer.continuation_token === undefined) return tell('over');
        token = answer.continuation_token;
        if (events.length > 500) {
          if (--budget.current <= 0) {
            tell('paused');
            await new Promise<void>((resolve) => { wake.current = resolve; });
            budget.current = CHUNKS_AT_ONCE;
          } else tell('loading');
          continue;
        }
        tell('following');
        await new Promise((resolve) => setTimeout(resolve, document.visibilityState === 'visible' && live.current ? AGAIN_MS : 4 * AGAIN_MS));
      }
    };
    read().catch((error: unknown) => {
      if (!gone.signal.aborted) tell('failed', (error as Error).message);
    });
    return () => {
      gone.abort();
      wake.current();
    };
    // The key stands for the name.
  }, [key]);
  return { ...state, log: log.current, more: () => wake.current() };
}

/** Where the log was read is told with every chunk; once is enough. */
function isSource(event: LogEvent): boolean {
  return event.timestamp === undefined && (event.event.startsWith('::group::Log message source') || event.event === '::endgroup::' || event.event.startsWith('*** '));
}
