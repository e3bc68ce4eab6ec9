import { useCallback, useEffect, useRef, useState } from 'react';
import { ApiError, get, path, withQuery } from '../rest/client.js';
import { LogLines } from './log-lines.js';
import type { LogEvent } from './log-lines.js';

export interface TryName {
  readonly dagId: string;
  readonly runId: string;
  readonly taskId: string;
  readonly mapIndex: number;
  readonly tryNumber: number;
}

/** Where somebody wants to read: a byte is where a message begins. */
export type LogPlace = 'start' | 'end' | number;

export interface LogState {
  readonly log: LogLines;
  /** Raised whenever lines were added. */
  readonly version: number;
  /** `unreachable`: what is here is shown, and it is asked again. */
  readonly status: 'loading' | 'following' | 'over' | 'paused' | 'failed' | 'unreachable';
  readonly failure: string | null;
  /** Of the whole log, in bytes; null while nobody has it. */
  readonly size: number | null;
  /** The bytes that are here: the lines are theirs. */
  readonly first: number;
  readonly next: number;
  /** Where the reading was begun. */
  readonly place: LogPlace;
  /** Goes on where the log was too long to be read at once. */
  readonly more: () => void;
  /** Reads what stands before the first line that is here. */
  readonly earlier: () => void;
  readonly goTo: (place: LogPlace) => void;
}

const PAGE_BYTES = 4 * 1_048_576;
/** So much is read before a person is asked: a log may have gigabytes. */
const AT_ONCE_BYTES = 24 * 1_048_576;
/** More than this is not kept: who reads on gets a view of its own from there. */
const KEPT_MAX_BYTES = 96 * 1_048_576;
const AGAIN_MS = 1_000;

interface Page {
  readonly content: readonly LogEvent[];
  readonly first_byte: number;
  readonly next_byte: number;
  readonly size: number | null;
  readonly is_over: boolean;
}

export interface LogSearch {
  readonly matches: readonly { readonly byte: number; readonly text: string }[];
  readonly next_byte: number | null;
}

function ours(name: TryName, what: 'page' | 'search' | 'stream'): string {
  return `${path`/api/millrace/v1/dags/${name.dagId}/dagRuns/${name.runId}/taskInstances/${name.taskId}/logs/${name.tryNumber}`}/${what}`;
}

/** The address of the whole log as text. */
export function textAddress(name: TryName): string {
  return withQuery(ours(name, 'stream'), { map_index: name.mapIndex });
}

/** Asks the server for lines that hold a text, wherever in the log. */
export function searchWhole(name: TryName, text: string, after: number, signal?: AbortSignal): Promise<LogSearch> {
  return get<LogSearch>(ours(name, 'search'), { map_index: name.mapIndex, text, after }, signal);
}

type Told = Omit<LogState, 'log' | 'more' | 'earlier' | 'goTo' | 'place'>;
const NOTHING: Told = { version: 0, status: 'loading', failure: null, size: null, first: 0, next: 0 };

/** Reads a try's log from its beginning, its end or anywhere between; upwards when asked; then what is written until the try ends. */
export function useLog(name: TryName, isLive: boolean): LogState {
  const key = JSON.stringify(name);
  const [asked, setAsked] = useState<{ readonly key: string; readonly place: LogPlace }>({ key, place: 'start' });
  const place = asked.key === key ? asked.place : 'start';
  const [told, setTold] = useState<Told>(NOTHING);
  const log = useRef(new LogLines());
  const reader = useRef<{ more: () => void; earlier: () => void }>({ more: () => undefined, earlier: () => undefined });
  const known = useRef<{ readonly key: string; readonly size: number | null }>({ key, size: null });
  const live = useRef(isLive);
  useEffect(() => {
    live.current = isLive;
  }, [isLive]);
  const goTo = useCallback((to: LogPlace) => setAsked({ key, place: to }), [key]);

  useEffect(() => {
    const gone = new AbortController();
    const lines = new LogLines();
    log.current = lines;
    // Another place of the same log: how long it is is known.
    let now: Told = { ...NOTHING, size: known.current.key === key ? known.current.size : null };
    const tell = (news: Partial<Told>): void => {
      now = { ...now, ...news };
      known.current = { key, size: now.size };
      setTold(now);
    };
    const page = (query: { readonly before?: number; readonly after?: number; readonly max_bytes?: number }): Promise<Page> => get<Page>(ours(name, 'page'), { map_index: name.mapIndex, ...query }, gone.signal);
    let wake = (): void => undefined;
    tell({});

    const forward = async (): Promise<void> => {
      let left = AT_ONCE_BYTES;
      for (;;) {
        const { content, next_byte: next, size, is_over: isOver } = await page({ after: now.next, max_bytes: PAGE_BYTES });
        if (gone.signal.aborted) return;
        if (now.next === 0 && size !== null && size > AT_ONCE_BYTES && live.current && place === 'start') return goTo('end');
        const isNews = next > now.next || lines.lines.length === 0;
        if (isNews) lines.add(content);
        left -= next - now.next;
        const hasRest = size !== null && next < size;
        const isAtEnd = isOver && !isNews;
        tell({ version: now.version + (isNews ? 1 : 0), size, next, failure: null, status: isAtEnd ? 'over' : hasRest && left <= 0 ? 'paused' : hasRest || isOver ? 'loading' : 'following' });
        if (isAtEnd) return;
        if (hasRest && left <= 0) {
          await new Promise<void>((resolve) => { wake = resolve; });
          if (gone.signal.aborted) return;
          if (now.next - now.first > KEPT_MAX_BYTES) return goTo(now.next);
          left = AT_ONCE_BYTES;
        } else if (!hasRest && !isOver) {
          await new Promise((resolve) => setTimeout(resolve, document.visibilityState === 'visible' && live.current ? AGAIN_MS : 4 * AGAIN_MS));
        }
      }
    };

    const begin = async (): Promise<void> => {
      if (place === 'start' || now.next > 0) return;
      const here = await page(place === 'end' ? {} : { after: place });
      lines.add(here.content);
      let first = here.first_byte;
      if (place !== 'end' && first > 0) {
        const above = await page({ before: first });
        lines.addBefore(above.content);
        first = above.first_byte;
      }
      tell({ version: 1, first, next: here.next_byte, size: here.size });
      if (place === 'end' || here.size === null || here.next_byte >= here.size) return;
      tell({ status: 'paused' });
      await new Promise<void>((resolve) => { wake = resolve; });
    };

    const read = async (): Promise<void> => {
      while (!gone.signal.aborted) {
        try {
          await begin();
          return gone.signal.aborted ? undefined : await forward();
        } catch (error) {
          if (gone.signal.aborted) return;
          const { status, message } = error as ApiError;
          if (!(error instanceof ApiError) || (status !== 0 && status < 500) || lines.lines.length === 0) return tell({ status: 'failed', failure: message });
          tell({ status: 'unreachable', failure: message });
          await new Promise((resolve) => setTimeout(resolve, 4 * AGAIN_MS));
        }
      }
    };

    let isReadingUp = false;
    const earlier = async (): Promise<void> => {
      if (isReadingUp || now.first === 0 || now.version === 0) return;
      if (now.next - now.first > KEPT_MAX_BYTES) return goTo(now.first);
      isReadingUp = true;
      try {
        const above = await page({ before: now.first });
        lines.addBefore(above.content);
        tell({ version: now.version + 1, first: above.first_byte });
      } catch (error) {
        if (!gone.signal.aborted) tell({ failure: (error as Error).message });
      } finally {
        isReadingUp = false;
      }
    };

    reader.current = { more: () => wake(), earlier: () => void earlier() };
    void read();
    return () => {
      gone.abort();
      wake();
    };
    // The key stands for the name; every call of goTo is a new wish, to the same place as well.
  }, [key, asked]);
  return { ...told, log: log.current, place, more: useCallback(() => reader.current.more(), []), earlier: useCallback(() => reader.current.earlier(), []), goTo };
}
