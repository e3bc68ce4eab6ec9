import type { FastifyInstance } from 'fastify';
import type { Registry } from 'prom-client';
import type { HealthReport } from '@millrace/lifecycle';

/** `/health`, `/livez`, `/readyz` and `/metrics` (unless it has a port of its own) on the api's port. `/livez` asks nobody: a restart would not mend a database. */
export function opsRoutes(fastify: FastifyInstance, health: () => Promise<HealthReport>, registry: Registry | null): void {
  fastify.get('/livez', (_request, reply) => reply.send({ status: 'alive' }));
  for (const path of ['/health', '/readyz']) {
    fastify.get(path, async (_request, reply) => {
      const report = await health();
      return reply.status(report.ok ? 200 : 503).send({ status: report.ok ? 'healthy' : 'unhealthy', ...report });
    });
  }
  if (registry !== null) fastify.get('/metrics', async (_request, reply) => reply.type(registry.contentType).send(await registry.metrics()));
}
