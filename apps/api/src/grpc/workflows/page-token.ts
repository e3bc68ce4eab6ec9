import { MillraceError } from '@millrace/vocabulary';

const DEFAULT_SIZE = 50;

/** Where a page begins, in what the one before gave; empty: at the beginning. @throws MillraceError `invalid` */
export function pageOf(size: number, token: string, maximum: number): { readonly limit: number; readonly offset: number } {
  if (!Number.isInteger(size) || size < 0) throw new MillraceError('invalid', `page_size must be 0 (for ${DEFAULT_SIZE}) or a whole number up to ${maximum}, got ${size}`);
  const offset = token === '' ? 0 : /^o(\d{1,9})$/.exec(Buffer.from(token, 'base64url').toString('latin1'))?.[1];
  if (offset === undefined) throw new MillraceError('invalid', 'page_token must be empty, or the next_page_token of the page before');
  return { limit: Math.min(size === 0 ? DEFAULT_SIZE : size, maximum), offset: Number(offset) };
}

export function nextToken(offset: number, rows: number, total: number): string {
  return offset + rows < total && rows > 0 ? Buffer.from(`o${offset + rows}`).toString('base64url') : '';
}
