import { useHotkeys } from '@mantine/hooks';
import { useWords } from '../words/words.js';

export function ShortcutList() {
  const t = useWords();
  const rows: readonly (readonly [string, string])[] = [
    ['Ctrl K', t('Find a dag, a page, an action…')],
    ['/', t('Search on this page')],
    ['j  k', t('Next and previous row')],
    ['Enter', t('Open the row')],
    ['x', t('Choose the row')],
    ['g h', t('Home')],
    ['g d', t('Dags')],
    ['g r', t('Runs')],
    ['g b', t('Backfills')],
    ['g a', t('Assets')],
    ['e', t('In a log: to the next error')],
    ['f', t('In a log: follow its end')],
    ['n  N', t('In a log: next and previous match')],
    ['Home  End', t('In a log: to its beginning and its end')],
    ['?', t('This list')],
  ];
  return (
    <table className="shortcut-list">
      <tbody>
        {rows.map(([keys, text]) => (
          <tr key={keys}>
            <th scope="row">{keys.split(' ').filter(Boolean).map((key) => <kbd key={key}>{key}</kbd>)}</th>
            <td>{text}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** j and k walk over the rows marked `data-row`; Enter follows the row's first link, as a click would. */
export function useRowKeys(): void {
  const step = (by: number) => () => {
    const rows = [...document.querySelectorAll<HTMLElement>('[data-row]')];
    if (rows.length === 0) return;
    const at = rows.findIndex((row) => row.contains(document.activeElement));
    const next = rows[Math.min(rows.length - 1, Math.max(0, at + by))]!;
    (next.querySelector<HTMLElement>('a, button') ?? next).focus();
    next.scrollIntoView({ block: 'nearest' });
  };
  const pick = (): void => document.activeElement?.closest('[data-row]')?.querySelector<HTMLElement>('[data-pick]')?.click();
  useHotkeys([['j', step(1)], ['k', step(-1)], ['x', pick]]);
}
