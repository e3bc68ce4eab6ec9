import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { SqlRow } from './sql-database.js';

export interface SavedRows {
  readonly file: string;
  readonly rows: number;
}

/** Writes rows as they come: `.csv` with a line of names, everything else as a JSON object a line. Whole or not at all. */
export async function saveRows(batches: AsyncIterable<readonly SqlRow[]>, file: string): Promise<SavedRows> {
  let rows = 0;
  const isCsv = file.toLowerCase().endsWith('.csv');
  async function* lines(): AsyncGenerator<string> {
    for await (const batch of batches) {
      if (isCsv && rows === 0 && batch[0] !== undefined) yield `${Object.keys(batch[0]).map(csvField).join(',')}\r\n`;
      rows += batch.length;
      yield batch.map((row) => (isCsv ? `${Object.values(row).map(csvField).join(',')}\r\n` : `${JSON.stringify(row)}\n`)).join('');
    }
  }
  try {
    await pipeline(Readable.from(lines()), createWriteStream(file));
  } catch (error) {
    await rm(file, { force: true });
    throw error;
  }
  return { file, rows };
}

/** RFC 4180. */
function csvField(value: unknown): string {
  if (value === null || value === undefined) return '';
  const text = value instanceof Date ? value.toISOString() : typeof value === 'object' ? JSON.stringify(value) : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
