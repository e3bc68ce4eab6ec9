import { randomBytes } from 'node:crypto';
import { readFile, readdir } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import type { FastifyInstance } from 'fastify';

/** Where `vite build` of apps/web puts the site. */
const SITE = fileURLToPath(new URL('../../../web/dist/site/', import.meta.url));
/** Stands in the page for the nonce of its answer. */
const NONCE = '__MILLRACE_NONCE__';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8', '.js': 'text/javascript; charset=utf-8', '.css': 'text/css; charset=utf-8', '.svg': 'image/svg+xml', '.png': 'image/png', '.woff2': 'font/woff2', '.json': 'application/json', '.map': 'application/json',
};
/** Smaller files are not worth it. */
const GZIP_FROM_BYTES = 1_024;
/** Paths of other handlers: what is unknown below them is a 404 in JSON and not the page. */
const NOT_THE_PAGE = /^\/(api|auth|admin|static|livez|readyz|health|metrics)(\/|$)/;

interface SiteFile {
  readonly type: string;
  readonly content: Buffer;
  readonly gzipped: Buffer | null;
}

/** Scripts and styles only from here; no inline script at all; inline style elements only with the answer's nonce. */
function contentSecurityPolicy(nonce: string): string {
  return [
    "default-src 'none'", "script-src 'self'", "worker-src 'self'", `style-src 'self' 'nonce-${nonce}'`, "img-src 'self' data:", "font-src 'self'", "connect-src 'self'",
    "manifest-src 'self'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
  ].join('; ');
}

/**
 * Serves the web UI: hashed files below /static for a year, and the one page for every other address, never cached. Without a
 * built site (a checkout in which only the compiler ran) the page says how to build it; REST and gRPC work all the same.
 */
export async function serveSite(fastify: FastifyInstance, site: string = SITE): Promise<void> {
  const files = await readSite(site);
  const page = files.get('/index.html')?.content.toString('utf8') ?? NOT_BUILT;
  files.delete('/index.html');

  fastify.get('/*', (request, reply) => {
    const path = request.url.split('?', 1)[0]!;
    const file = files.get(path);
    if (file !== undefined) {
      const zipped = file.gzipped !== null && /\bgzip\b/.test(String(request.headers['accept-encoding'] ?? ''));
      void reply.type(file.type).header('cache-control', path.startsWith('/static/') ? 'public, max-age=31536000, immutable' : 'no-cache').header('vary', 'accept-encoding');
      if (zipped) void reply.header('content-encoding', 'gzip');
      return reply.send(zipped ? file.gzipped : file.content);
    }
    // A program that asks for what is not there wants to hear so; a browser at an address of the UI asks for HTML.
    const asksForPage = path === '/' || String(request.headers.accept ?? '').includes('text/html');
    if (NOT_THE_PAGE.test(path) || !asksForPage) {
      reply.callNotFound();
      return reply;
    }
    const nonce = randomBytes(16).toString('base64url');
    return reply
      .type(TYPES['.html']!)
      .header('content-security-policy', contentSecurityPolicy(nonce))
      .header('x-frame-options', 'DENY')
      .header('cross-origin-opener-policy', 'same-origin')
      .header('cache-control', 'no-cache')
      .send(page.replaceAll(NONCE, nonce));
  });
}

async function readSite(site: string): Promise<Map<string, SiteFile>> {
  const files = new Map<string, SiteFile>();
  for (const entry of await readdir(site, { recursive: true, withFileTypes: true }).catch(() => [])) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const content = await readFile(path);
    const type = TYPES[extname(path)] ?? 'application/octet-stream';
    const packs = content.length >= GZIP_FROM_BYTES && !/png|woff2/.test(type);
    files.set(`/${path.slice(site.length).replaceAll('\\', '/')}`, { type, content, gzipped: packs ? gzipSync(content, { level: 6 }) : null });
  }
  return files;
}

const NOT_BUILT = `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Millrace</title>
<h1>Millrace is running</h1>
<p>The web UI is not built in this checkout. Run <code>npm run build</code> and start again. REST is at <code>/api/v2</code>.</p>
</html>
`;
