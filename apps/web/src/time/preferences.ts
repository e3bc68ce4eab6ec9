import { useSyncExternalStore } from 'react';

export type Language = 'en' | 'zh';
export interface Preferences {
  /** An IANA name, or `local` for the browser's own. */
  readonly zone: string;
  readonly language: Language;
  readonly navigation: 'open' | 'folded';
}

const KEY = 'millrace.preferences';
const listeners = new Set<() => void>();
let current: Preferences = { zone: 'local', language: navigator.language.startsWith('zh') ? 'zh' : 'en', navigation: 'open', ...stored() };

export function preferences(): Preferences {
  return current;
}

export function setPreferences(change: Partial<Preferences>): void {
  current = { ...current, ...change };
  try {
    localStorage.setItem(KEY, JSON.stringify(current));
  } catch {
    // A browser that stores nothing keeps them until the page is closed.
  }
  document.documentElement.lang = current.language === 'zh' ? 'zh-CN' : 'en';
  for (const listener of listeners) listener();
}

export function usePreferences(): Preferences {
  return useSyncExternalStore(subscribe, preferences);
}

export function zoneName(zone: string): string {
  return zone === 'local' ? Intl.DateTimeFormat().resolvedOptions().timeZone : zone;
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function stored(): Partial<Preferences> {
  try {
    const value: unknown = JSON.parse(localStorage.getItem(KEY) ?? '{}');
    const { zone, language, navigation } = value as Partial<Record<keyof Preferences, unknown>>;
    return {
      ...(typeof zone === 'string' && isZone(zone) ? { zone } : {}),
      ...(language === 'en' || language === 'zh' ? { language } : {}),
      ...(navigation === 'open' || navigation === 'folded' ? { navigation } : {}),
    };
  } catch {
    return {};
  }
}

function isZone(zone: string): boolean {
  if (zone === 'local') return true;
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone });
    return true;
  } catch {
    return false;
  }
}
