import type { FastifyRequest } from 'fastify';

/** Of the browser's session: the same signed token as an API client's, where no script of a page can read it. */
export const SESSION_COOKIE = 'millrace_session';
/** What the UI's requests carry and a foreign page's form cannot: another origin may send this header only after a preflight, which is never granted. */
export const SAME_PAGE_HEADER = 'x-millrace-ui';

const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/** The session's token of a request; null without one. */
export function sessionOf(request: Pick<FastifyRequest, 'headers'>): string | null {
  return cookieOf(request, SESSION_COOKIE);
}

/** The value of a cookie; null without one. */
export function cookieOf(request: Pick<FastifyRequest, 'headers'>, name: string): string | null {
  for (const part of (request.headers.cookie ?? '').split(';')) {
    const at = part.indexOf('=');
    if (at > 0 && part.slice(0, at).trim() === name) return part.slice(at + 1).trim() || null;
  }
  return null;
}

/** Why a request that carries only the cookie may have been sent by a foreign page; null when it was not. */
export function forgeryOf(request: Pick<FastifyRequest, 'headers' | 'method'>): string | null {
  const site = request.headers['sec-fetch-site'];
  if (site !== undefined && site !== 'same-origin' && site !== 'none') return `it was sent by a page of another site (sec-fetch-site: ${String(site)})`;
  if (!SAFE_METHODS.has(request.method) && request.headers[SAME_PAGE_HEADER] === undefined) return `a change with a session cookie needs the header ${SAME_PAGE_HEADER}; API clients send a bearer token instead`;
  return null;
}

/** `Strict`: no other site's link or form carries it. The page itself needs none, so following a link to it still works. */
export function sessionCookie(token: string, maxAgeSeconds: number, request: FastifyRequest): string {
  const secure = request.protocol === 'https' || request.headers['x-forwarded-proto'] === 'https';
  return `${SESSION_COOKIE}=${token}; Path=/; HttpOnly; SameSite=Strict; Max-Age=${maxAgeSeconds}${secure ? '; Secure' : ''}`;
}
