import { CopyButton } from '@mantine/core';
import { useWords } from '../words/words.js';

const TOKENS = /("(?:\\.|[^"\\])*")(\s*:)?|\b(true|false|null)\b|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
/** Longer values are cut: a browser slows down long before a person has read them. */
const SHOWN_MAX = 100_000;

/** A value as coloured JSON. Its text is text: nothing in it becomes markup. */
export function JsonView({ value, label }: { readonly value: unknown; readonly label?: string }) {
  const t = useWords();
  const whole = JSON.stringify(value, null, 2) ?? 'null';
  const text = whole.slice(0, SHOWN_MAX);
  return (
    <div className="json">
      <CopyButton value={whole}>{({ copied, copy }) => <button type="button" className="link copy" onClick={copy}>{copied ? t('copied') : t('copy')}</button>}</CopyButton>
      <pre aria-label={label} tabIndex={0}>{coloured(text)}{whole.length > SHOWN_MAX && `\n… ${t('{n} more characters', { n: whole.length - SHOWN_MAX })}`}</pre>
    </div>
  );
}

function coloured(text: string): React.ReactNode[] {
  const parts: React.ReactNode[] = [];
  let from = 0;
  for (const match of text.matchAll(TOKENS)) {
    if (match.index > from) parts.push(text.slice(from, match.index));
    const look = match[1] !== undefined ? (match[2] === undefined ? 'string' : 'key') : match[3] !== undefined ? 'word' : 'number';
    parts.push(<span key={match.index} className={`code-${look}`}>{match[1] ?? match[0]}</span>);
    if (match[2] !== undefined) parts.push(match[2]);
    from = match.index + match[0].length;
  }
  parts.push(text.slice(from));
  return parts;
}
