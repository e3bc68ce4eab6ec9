import { readFileSync } from 'node:fs';
import { extname } from 'node:path';
import { parseEnv } from 'node:util';
import { MillraceError } from '@millrace/vocabulary';

export const FILE_FORMATS = ['json', 'yaml', 'env'] as const;
export type FileFormat = (typeof FILE_FORMATS)[number];

/** A larger file is a mistake; it would be sent to the api in thousands of pieces. */
const FILE_MAX_BYTES = 50 * 1_048_576;

/** By the name's end: `.json`, `.yaml`, `.yml`, `.env`; `-` and anything else is JSON. */
export function formatOf(path: string, given?: FileFormat): FileFormat {
  if (given !== undefined) return given;
  const end = extname(path).toLowerCase();
  return end === '.yaml' || end === '.yml' ? 'yaml' : end === '.env' || path.endsWith('/.env') || path === '.env' ? 'env' : 'json';
}

/** Names and what is kept under them. `-` is stdin. @throws MillraceError that names the file, and the place where a parser stopped */
export async function readSettings(path: string, format: FileFormat): Promise<ReadonlyMap<string, unknown>> {
  let text: string;
  try {
    text = readFileSync(path === '-' ? 0 : path, 'utf8');
  } catch (error) {
    throw new MillraceError('bad_request', `${path} can't be read: ${(error as Error).message}`);
  }
  if (Buffer.byteLength(text) > FILE_MAX_BYTES) throw new MillraceError('bad_request', `${path} is larger than ${FILE_MAX_BYTES / 1_048_576} MiB`);
  let value: unknown;
  try {
    value = format === 'env' ? parseEnv(text) : format === 'yaml' ? (await import('yaml')).parse(text) : JSON.parse(text);
  } catch (error) {
    throw new MillraceError('bad_request', `${path} is no ${format.toUpperCase()}: ${(error as Error).message.split('\n')[0]}`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new MillraceError('bad_request', `${path} must hold one object, with a name for each entry, like ${format === 'env' ? 'NAME=value' : '{"name": …}'}`);
  return new Map(Object.entries(value));
}

/** The text of a file. Values of `env` must be texts. */
export async function settingsText(entries: ReadonlyMap<string, unknown>, format: FileFormat): Promise<string> {
  if (format === 'json') return `${JSON.stringify(Object.fromEntries(entries), null, 2)}\n`;
  if (format === 'yaml') return (await import('yaml')).stringify(Object.fromEntries(entries));
  return [...entries].map(([name, value]) => `${name}=${quoted(String(value))}\n`).join('');
}

/** As parseEnv reads it back: in the first quotes that the value does not have itself. */
function quoted(value: string): string {
  if (/^[\w.:/@%?&=+,~-]*$/.test(value)) return value;
  const mark = ["'", '"', '`'].find((each) => !value.includes(each) && !(each === '"' && /\\n/.test(value)));
  if (mark === undefined) throw new MillraceError('bad_request', 'a value with all three kinds of quotes cannot be written to an env file; export as json or yaml');
  return `${mark}${value}${mark}`;
}
