import { Tooltip } from '@mantine/core';
import { useSyncExternalStore } from 'react';
import { duration, instantText, relative, secondsBetween } from './format.js';
import { usePreferences, zoneName } from './preferences.js';

/** One clock for all ages on a page. */
const listeners = new Set<() => void>();
let nowMs = Date.now();
setInterval(() => {
  nowMs = Date.now();
  for (const listener of listeners) listener();
}, 1_000);

export function useNow(): number {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => nowMs,
  );
}

/** A time in the chosen zone. */
export function Instant({ at, parts = 'full' }: { readonly at: string | null | undefined; readonly parts?: 'full' | 'minute' | 'day' }) {
  const { zone } = usePreferences();
  if (at === null || at === undefined) return <span className="faint">—</span>;
  return (
    <Tooltip label={`${at.replace('T', ' ')} · ${zoneName(zone)}`}>
      <time dateTime={at} className="num">{instantText(at, zone, parts)}</time>
    </Tooltip>
  );
}

/** How long ago, with the time itself on hover. */
export function Ago({ at }: { readonly at: string | null | undefined }) {
  const { zone, language } = usePreferences();
  const now = useNow();
  if (at === null || at === undefined) return <span className="faint">—</span>;
  return (
    <Tooltip label={`${instantText(at, zone)} ${zoneName(zone)}`}>
      <time dateTime={at}>{relative(at, now, language)}</time>
    </Tooltip>
  );
}

/** From one time to another, or until now while it goes on. */
export function Took({ from, to, live = true }: { readonly from: string | null | undefined; readonly to: string | null | undefined; readonly live?: boolean }) {
  if (from === null || from === undefined) return <span className="faint">—</span>;
  if (to === null || to === undefined) return live ? <Running from={from} /> : <span className="faint">—</span>;
  return <span className="num">{duration(secondsBetween(from, to))}</span>;
}

function Running({ from }: { readonly from: string }) {
  useNow();
  return <span className="num">{duration(secondsBetween(from, null))}</span>;
}
