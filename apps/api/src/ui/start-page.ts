import { readFile } from 'node:fs/promises';
import type { FastifyInstance } from 'fastify';

const FILES = { '/': ['index.html', 'text/html; charset=utf-8'], '/start.css': ['start.css', 'text/css; charset=utf-8'], '/start.js': ['start.js', 'text/javascript; charset=utf-8'], '/favicon.svg': ['favicon.svg', 'image/svg+xml'] } as const;

const CONTENT_SECURITY_POLICY = [
  "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self'", "connect-src 'self'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
].join('; ');

/** The page at `/`: log in, see dags and their runs, trigger, follow a log. Everything it shows comes from the REST API. */
export async function serveStartPage(fastify: FastifyInstance): Promise<void> {
  for (const [path, [file, type]] of Object.entries(FILES)) {
    const content = await readFile(new URL(`../../ui/${file}`, import.meta.url));
    fastify.get(path, (_request, reply) =>
      reply.type(type).header('content-security-policy', CONTENT_SECURITY_POLICY).header('x-frame-options', 'DENY').header('cache-control', 'no-cache').send(content),
    );
  }
}
