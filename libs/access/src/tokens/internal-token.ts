import { createHash, timingSafeEqual } from 'node:crypto';

/** Whether a presented token is the services' shared one; takes as long for every wrong one. */
export function isInternalToken(presented: string, expected: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return expected !== '' && timingSafeEqual(digest(presented), digest(expected));
}

/** The token of an `authorization: Bearer …` header; null when it has another shape. */
export function bearerOf(header: string | undefined): string | null {
  return /^Bearer +(\S.*)$/i.exec((header ?? '').trimEnd())?.[1] ?? null;
}
