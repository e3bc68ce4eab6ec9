import { Tooltip } from '@mantine/core';
import { useWords } from '../words/words.js';
import { STATE_ORDER, isOver, stateColour, stateName } from './states.js';

/** A state as a dot and its name. The name is always there: colour alone says nothing to some people. */
export function StateMark({ state, plain = false }: { readonly state: string | null; readonly plain?: boolean }) {
  const t = useWords();
  return (
    <span className={plain ? 'state-mark plain' : 'state-mark'} data-state={state ?? 'none'}>
      <StateDot state={state} />
      {t(stateName(state))}
    </span>
  );
}

export function StateDot({ state, size = 8 }: { readonly state: string | null; readonly size?: number }) {
  return <span className={`state-dot${state === 'running' || state === 'restarting' ? ' beating' : ''}`} style={{ background: stateColour(state), width: size, height: size }} aria-hidden="true" />;
}

/** How many are in each state, as one bar. */
/** @param isProgress what is over stands first, as in a bar that fills */
export function StateBar({ states, width = 120, isProgress = false }: { readonly states: Readonly<Record<string, number>>; readonly width?: number | string; readonly isProgress?: boolean }) {
  const t = useWords();
  const total = Object.values(states).reduce((sum, one) => sum + one, 0);
  const present = STATE_ORDER.filter((state) => (states[state] ?? 0) > 0);
  const parts = isProgress ? [...present.filter(isOver), ...present.filter((state) => !isOver(state))] : present;
  const text = parts.map((state) => `${states[state]} ${t(stateName(state))}`).join(', ');
  return (
    <Tooltip label={text || t('none')}>
      <span className="state-bar" style={{ width }} role="img" aria-label={text || t('none')}>
        {parts.map((state) => <span key={state} style={{ flexGrow: (states[state] ?? 0) / total, background: stateColour(state) }} />)}
      </span>
    </Tooltip>
  );
}
