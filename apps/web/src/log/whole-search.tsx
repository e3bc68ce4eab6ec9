import { Button } from '@mantine/core';
import { useEffect, useRef, useState } from 'react';
import { useWords } from '../words/words.js';
import { bytesText } from './bytes-text.js';
import { spansOf } from './log-lines.js';
import { searchWhole } from './use-log.js';
import type { LogSearch, TryName } from './use-log.js';

/** So many lines are looked for at once, as far as it takes. */
const ENOUGH = 100;

/** Lines of the whole log that hold a text, looked for by the server: of a long log only a part is here. */
export function WholeSearch({ name, text, size, goTo }: { readonly name: TryName; readonly text: string; readonly size: number; readonly goTo: (byte: number) => void }) {
  const t = useWords();
  const found = useRef(0);
  const [list, setList] = useState<LogSearch>({ matches: [], next_byte: 0 });
  const [wanted, setWanted] = useState(0);
  const [failure, setFailure] = useState<string | null>(null);
  const [chosen, setChosen] = useState<number | null>(null);
  const isSearching = failure === null && list.next_byte !== null && list.next_byte <= wanted;

  useEffect(() => {
    const gone = new AbortController();
    const search = async (): Promise<void> => {
      const answer = await searchWhole(name, text, wanted, gone.signal);
      setList((before) => ({ matches: [...before.matches, ...answer.matches], next_byte: answer.next_byte }));
      found.current += answer.matches.length;
      if (found.current < ENOUGH && answer.next_byte !== null && answer.next_byte > wanted) setWanted(answer.next_byte);
    };
    search().catch((error: unknown) => {
      if (!gone.signal.aborted) setFailure((error as Error).message);
    });
    return () => gone.abort();
    // The text and the name make a new list: the parent gives it a key.
  }, [wanted]);

  return (
    <div className="log-found" role="region" aria-label={t('Found in the whole log')}>
      <ol>
        {list.matches.map(({ byte, text: line }, index) => (
          <li key={index}>
            <button type="button" aria-current={chosen === index} onClick={() => { setChosen(index); goTo(byte); }}>
              <span className="faint num">{bytesText(byte)}</span>
              <span>{spansOf(line, text).map((span, at) => <span key={at} className={span.classes || undefined}>{span.text}</span>)}</span>
            </button>
          </li>
        ))}
      </ol>
      <p className="small soft" role="status">
        {failure !== null ? failure
          : isSearching ? t('Searched {at} of {size}…', { at: bytesText(wanted), size: bytesText(size) })
          : list.next_byte === null ? (list.matches.length === 0 ? t('nothing found') : t('Lines found in the whole log: {n}', { n: list.matches.length }))
          : <>{t('Lines found up to {at} of {size}: {n}', { n: list.matches.length, at: bytesText(list.next_byte), size: bytesText(size) })} <Button size="compact-xs" variant="default" onClick={() => { found.current = 0; setWanted(list.next_byte!); }}>{t('Search on')}</Button></>}
      </p>
    </div>
  );
}
