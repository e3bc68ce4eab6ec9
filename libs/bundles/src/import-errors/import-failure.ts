/** Why a dag file gives no dags, as a person reads it and as data. */
export interface ImportFailure {
  /** One sentence. */
  readonly message: string;
  /** Relative to the dags folder; the dag file itself when no better place is known. */
  readonly file: string;
  /** From 1; 0 when unknown. */
  readonly line: number;
  /** From 1; 0 when unknown. */
  readonly column: number;
  /** `file:line:column: message`, the lines around it, and the stack where there is one. */
  readonly text: string;
}

const LINES_BEFORE = 2;
const LINES_AFTER = 1;
const LINE_SHOWN_MAX = 200;

/** @param source text of `place.file`, for the excerpt  @param trace lines after it, e.g. the stack */
export function importFailure(message: string, place: { readonly file: string; readonly line?: number; readonly column?: number }, source: string | null = null, trace: readonly string[] = []): ImportFailure {
  const line = place.line ?? 0;
  const column = place.column ?? 0;
  const position = [place.file, ...(line > 0 ? [line] : []), ...(line > 0 && column > 0 ? [column] : [])].join(':');
  const excerpt = source === null || line < 1 ? '' : excerptOf(source, line, column);
  return { message, file: place.file, line, column, text: [`${position}: ${message}`, excerpt, trace.join('\n')].filter((part) => part !== '').join('\n\n') };
}

function excerptOf(source: string, line: number, column: number): string {
  const lines = source.split(/\r?\n/);
  if (line > lines.length) return '';
  const first = Math.max(1, line - LINES_BEFORE);
  const last = Math.min(lines.length, line + LINES_AFTER);
  const width = String(last).length;
  const out: string[] = [];
  for (let n = first; n <= last; n++) {
    const text = (lines[n - 1] ?? '').slice(0, LINE_SHOWN_MAX);
    out.push(`${n === line ? '>' : ' '} ${String(n).padStart(width)} | ${text}`);
    // Tabs stay tabs, so that the mark stands under the character.
    if (n === line && column > 0 && column <= LINE_SHOWN_MAX) out.push(`  ${' '.repeat(width)} | ${text.slice(0, column - 1).replaceAll(/[^\t]/g, ' ')}^`);
  }
  return out.join('\n');
}
