import type { Json, Row } from '../client/api-client.js';

export const FORMATS = ['table', 'json', 'yaml', 'plain'] as const;
export type Format = (typeof FORMATS)[number];

/**
 * Rows for a person (`table`), for `cut` and `awk` (`plain`: tabs, no header rule), or whole for programs (`json`, `yaml`).
 * json and yaml give all fields, tables the named columns.
 */
export async function renderRows(rows: readonly Row[], columns: readonly string[], format: Format): Promise<string> {
  switch (format) {
    case 'json':
      return `${JSON.stringify(rows, null, 2)}\n`;
    case 'yaml':
      return (await import('yaml')).stringify(rows);
    case 'plain':
      return [columns, ...rows.map((row) => columns.map((column) => cell(row[column])))].map((cells) => `${cells.join('\t')}\n`).join('');
    case 'table':
      return rows.length === 0 ? 'No data found\n' : table(columns, rows.map((row) => columns.map((column) => cell(row[column]))));
    default:
      return format satisfies never;
  }
}

/** One thing: its fields one below the other. */
export async function renderOne(row: Row, columns: readonly string[], format: Format): Promise<string> {
  switch (format) {
    case 'json':
      return `${JSON.stringify(row, null, 2)}\n`;
    case 'yaml':
      return (await import('yaml')).stringify(row);
    case 'plain':
      return columns.map((column) => `${column}\t${cell(row[column])}\n`).join('');
    case 'table':
      return table(['property', 'value'], columns.map((column) => [column, cell(row[column])]));
    default:
      return format satisfies never;
  }
}

function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = header.map((title, i) => Math.max(width(title), ...rows.map((row) => width(row[i] ?? ''))));
  const line = (cells: readonly string[]): string => `${cells.map((text, i) => text + ' '.repeat((widths[i] as number) - width(text))).join(' | ').trimEnd()}\n`;
  return line(header) + `${widths.map((each) => '='.repeat(each)).join('=+=')}\n` + rows.map(line).join('');
}

function cell(value: Json | undefined): string {
  if (value === null || value === undefined) return '';
  const text = typeof value === 'object' ? (Array.isArray(value) && value.every((each) => typeof each === 'string') ? value.join(', ') : JSON.stringify(value)) : String(value);
  return printable(text);
}

/** Text of dag authors and tasks must not move a person's cursor or recolour a terminal. */
export function printable(text: string): string {
  // oxlint-disable-next-line no-control-regex
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, (character) => (character === '\t' ? ' ' : `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`));
}

/** Columns a text takes: East Asian wide characters and emoji take two, combining marks none. */
function width(text: string): number {
  let columns = 0;
  for (const character of text) {
    if (/\p{Mark}/u.test(character)) continue;
    columns += /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/u.test(character) ? 2 : 1;
  }
  return columns;
}
