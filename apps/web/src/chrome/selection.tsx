import { ActionIcon, Checkbox } from '@mantine/core';
import { IconX } from '@tabler/icons-react';
import { useMemo, useRef, useState } from 'react';
import type { MouseEvent, ReactNode } from 'react';
import { useWords } from '../words/words.js';

export interface Selection<T> {
  readonly chosen: readonly T[];
  readonly has: (key: string) => boolean;
  readonly isAll: boolean;
  readonly toggle: (key: string, withRange: boolean) => void;
  readonly toggleAll: () => void;
  readonly clear: () => void;
}

/** Rows of the page that is shown, chosen for one action. What is no longer shown is no longer chosen: nobody changes what they do not see. */
export function useSelection<T>(rows: readonly T[], keyOf: (row: T) => string): Selection<T> {
  const [keys, setKeys] = useState<ReadonlySet<string>>(new Set());
  const last = useRef<string | null>(null);
  return useMemo(() => {
    const all = rows.map(keyOf);
    const chosen = rows.filter((row) => keys.has(keyOf(row)));
    return {
      chosen,
      has: (key) => keys.has(key),
      isAll: rows.length > 0 && chosen.length === rows.length,
      toggle: (key, withRange) => {
        const [from, to] = [all.indexOf(last.current ?? ''), all.indexOf(key)];
        const touched = withRange && from >= 0 ? all.slice(Math.min(from, to), Math.max(from, to) + 1) : [key];
        last.current = key;
        setKeys((before) => {
          const next = new Set(before);
          for (const one of touched) if (before.has(key)) next.delete(one); else next.add(one);
          return next;
        });
      },
      toggleAll: () => setKeys(chosen.length === rows.length ? new Set() : new Set(all)),
      clear: () => setKeys(new Set()),
    };
  }, [rows, keyOf, keys]);
}

export function SelectAll<T>({ selection }: { readonly selection: Selection<T> }) {
  const t = useWords();
  return <th className="pick"><Checkbox size="xs" aria-label={t('Choose all of this page')} checked={selection.isAll} indeterminate={!selection.isAll && selection.chosen.length > 0} onChange={selection.toggleAll} /></th>;
}

export function SelectRow<T>({ selection, id, name }: { readonly selection: Selection<T>; readonly id: string; readonly name: string }) {
  const t = useWords();
  const isRange = useRef(false);
  return (
    <td className="pick" onClickCapture={(event: MouseEvent) => { isRange.current = event.shiftKey; }}>
      <Checkbox size="xs" data-pick aria-label={t('Choose {name}', { name })} checked={selection.has(id)} onChange={() => selection.toggle(id, isRange.current)} />
    </td>
  );
}

/** What can be done with the chosen rows; there when some are chosen. */
export function SelectionBar<T>({ selection, children }: { readonly selection: Selection<T>; readonly children: ReactNode }) {
  const t = useWords();
  if (selection.chosen.length === 0) return null;
  return (
    <div className="selection-bar" role="toolbar" aria-label={t('With what is chosen')}>
      <strong className="num">{t('{n} chosen', { n: selection.chosen.length })}</strong>
      {children}
      <span className="spacer" />
      <ActionIcon aria-label={t('Choose none')} onClick={selection.clear}><IconX size={15} /></ActionIcon>
    </div>
  );
}
