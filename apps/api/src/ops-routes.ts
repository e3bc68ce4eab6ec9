import type { FastifyInstance } from 'fastify';
import type { Registry } from 'prom-client';
import type { HealthReport } from '@millrace/lifecycle';

/** `/health`, `/livez`, `/readyz` and `/metrics` on the api's own port. `/livez` asks nobody: a restart would not mend a database. */
export function opsRoutes(fastify: FastifyInstance, health: () => Promise<HealthReport>, registry: Registry): void {
  fastify.get('/livez', (_request, reply) => reply.send({ status: 'alive' }));
  for (const path of ['/health', '/readyz']) {
    fastify.get(path, async (_request, reply) => {
      const report = await health();
      return reply.status(report.ok ? 200 : 503).send({ status: report.ok ? 'healthy' : 'unhealthy', ...report });
    });
  }
  fastify.get('/metrics', async (_request, reply) => reply.type(registry.contentType).send(await registry.metrics()));
}
