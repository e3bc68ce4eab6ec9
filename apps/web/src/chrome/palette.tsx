import { Modal } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { IconArrowRight, IconBolt, IconSearch, IconSitemap } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useEffect, useId, useMemo, useRef, useState } from 'react';
import type { KeyboardEvent, ReactNode } from 'react';
import { StateDot } from '../look/state-mark.js';
import { get } from '../rest/client.js';
import type { DagOverview } from '../rest/shapes.js';
import { useWords } from '../words/words.js';
import { usePlaces } from './places.js';

interface Choice {
  readonly key: string;
  readonly text: string;
  readonly note?: string | undefined;
  readonly icon: ReactNode;
  readonly go: () => void;
}

/** Ctrl-K: any page, any dag, and what can be done, by typing. */
export function Palette({ opened, close, commands }: { readonly opened: boolean; readonly close: () => void; readonly commands: readonly { readonly text: string; readonly run: () => void }[] }) {
  const t = useWords();
  return (
    <Modal opened={opened} onClose={close} withCloseButton={false} padding={0} size={620} yOffset="12vh" centered={false} transitionProps={{ duration: 90 }} classNames={{ content: 'palette', header: 'sr' }} title={t('Search')}>
      <Search close={close} commands={commands} />
    </Modal>
  );
}

function Search({ close, commands }: { readonly close: () => void; readonly commands: readonly { readonly text: string; readonly run: () => void }[] }) {
  const t = useWords();
  const navigate = useNavigate();
  const [typed, setTyped] = useState('');
  const [search] = useDebouncedValue(typed.trim(), 120);
  const [at, setAt] = useState(0);
  const list = useRef<HTMLDivElement>(null);
  const id = useId();
  const places = usePlaces();
  const dags = useQuery({
    queryKey: ['palette', search],
    queryFn: ({ signal }) => get<{ dags: DagOverview[] }>('/api/millrace/v1/ui/dags', { search, limit: 12, order: search === '' ? 'last_run' : 'name' }, signal),
    placeholderData: (before) => before,
  });

  const choices = useMemo((): Choice[] => {
    const fits = (text: string): boolean => text.toLowerCase().includes(typed.trim().toLowerCase());
    const leave = (run: () => void) => () => {
      close();
      run();
    };
    return [
      // What was found for fewer letters is narrowed at once, so that Enter never opens something else.
      ...(dags.data?.dags ?? []).filter((dag) => fits(`${dag.dag_id} ${dag.display_name} ${dag.description ?? ''}`)).map((dag): Choice => ({
        key: `dag:${dag.dag_id}`, text: dag.display_name, note: dag.description ?? dag.schedule ?? undefined,
        icon: dag.recent.length > 0 ? <StateDot state={dag.recent.at(-1)!.state} /> : <IconSitemap size={15} />,
        go: leave(() => void navigate({ to: '/dags/$dagId', params: { dagId: dag.dag_id } })),
      })),
      ...places.filter((place) => fits(place.text)).map((place): Choice => ({ key: place.to, text: place.text, icon: <IconArrowRight size={15} />, go: leave(() => void navigate({ to: place.to })) })),
      ...commands.filter((command) => fits(command.text)).map((command): Choice => ({ key: command.text, text: command.text, icon: <IconBolt size={15} />, go: leave(command.run) })),
    ];
  }, [dags.data, places, commands, typed, close, navigate]);

  useEffect(() => setAt(0), [typed]);
  useEffect(() => {
    list.current?.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: 'nearest' });
  }, [at]);

  const onKey = (event: KeyboardEvent): void => {
    const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
    if (step !== 0) {
      event.preventDefault();
      setAt((before) => (choices.length === 0 ? 0 : (before + step + choices.length) % choices.length));
    }
    if (event.key === 'Enter') choices[at]?.go();
  };

  return (
    <>
      <div className="palette-input">
        <IconSearch size={17} aria-hidden="true" />
        <input
          data-autofocus autoFocus value={typed} onChange={(event) => setTyped(event.currentTarget.value)} onKeyDown={onKey} placeholder={t('Find a dag, a page, an action…')}
          aria-label={t('Search')} role="combobox" aria-expanded="true" aria-controls={`${id}-list`} aria-activedescendant={choices[at] === undefined ? undefined : `${id}-${at}`}
        />
        <kbd>esc</kbd>
      </div>
      <div className="palette-list" role="listbox" id={`${id}-list`} ref={list} aria-label={t('Results')}>
        {choices.map((choice, index) => (
          <div key={choice.key} id={`${id}-${index}`} role="option" aria-selected={index === at} className="palette-choice" onMouseMove={() => setAt(index)} onClick={choice.go}>
            <span className="palette-icon">{choice.icon}</span>
            <span className="palette-text">{choice.text}</span>
            {choice.note !== undefined && <span className="palette-note">{choice.note}</span>}
          </div>
        ))}
        {choices.length === 0 && !dags.isFetching && <div className="palette-none">{t('Nothing is called that')}</div>}
      </div>
    </>
  );
}
