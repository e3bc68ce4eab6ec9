import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';

/** Longer sources are shown without colours. */
const COLOURED_MAX = 200_000;

const LANGUAGES: Readonly<Record<string, string>> = { ts: 'typescript', mts: 'typescript', tsx: 'typescript', yaml: 'yaml', yml: 'yaml', json: 'json', py: 'python', sql: 'sql' };

interface Hast {
  readonly type: string;
  readonly value?: string;
  readonly properties?: { readonly className?: readonly string[] };
  readonly children?: readonly Hast[];
}

/** Source with numbers and colours, made of elements and text: nothing in it becomes markup. */
export function useHighlighted(code: string, language: string): readonly ReactNode[] {
  const lines = useQuery({
    queryKey: ['highlight', language, code],
    queryFn: async () => {
      if (code.length > COLOURED_MAX) return code.split('\n');
      const { lowlight } = await import('./languages.js');
      return linesOf(lowlight.registered(language) ? (lowlight.highlight(language, code) as unknown as Hast) : { type: 'text', value: code });
    },
    staleTime: Infinity, gcTime: 60_000,
  });
  return lines.data ?? code.split('\n');
}

export function CodeView({ code, language }: { readonly code: string; readonly language: string }) {
  const lines = useHighlighted(code, language);
  return <pre className="code" tabIndex={0}>{lines.map((line, index) => <span key={index} className="code-line" id={`L${index + 1}`}><span className="code-number-column" aria-hidden="true">{index + 1}</span><span>{line === '' ? ' ' : line}</span></span>)}</pre>;
}

export function languageOf(file: string): string {
  return LANGUAGES[file.slice(file.lastIndexOf('.') + 1)] ?? 'javascript';
}

/** Splits the tree at line breaks; an element over several lines is one on each. */
function linesOf(tree: Hast): ReactNode[][] {
  const lines: ReactNode[][] = [[]];
  let key = 0;
  const walk = (node: Hast, classes: string): void => {
    if (node.type === 'text') {
      (node.value ?? '').split('\n').forEach((part, index) => {
        if (index > 0) lines.push([]);
        if (part !== '') lines.at(-1)!.push(classes === '' ? part : <span key={key++} className={classes}>{part}</span>);
      });
      return;
    }
    const own = (node.properties?.className ?? []).join(' ');
    for (const child of node.children ?? []) walk(child, own === '' ? classes : own);
  };
  walk(tree, '');
  return lines;
}
