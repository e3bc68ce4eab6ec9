import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { randomUUID } from 'node:crypto';
import type { LoggerService } from '@nestjs/common';
import type { Logger, Metrics } from '@millrace/telemetry';
import { apiModule } from './api.module.js';
import type { ApiParts } from './api-parts.js';
import { AuditInterceptor } from './audit.interceptor.js';
import { ErrorFilter } from './error.filter.js';
import { readSourceBodies } from './dag-sources/source-bodies.js';
import { readJsonBodies } from './json-body.js';
import { ScopeInterceptor } from './security/scope.interceptor.js';
import { TokenGuard } from './security/token.guard.js';
import { observeRequests } from '../request-metrics.js';
import { serveSite } from '../ui/serve-site.js';

/** Largest request body, bytes. */
const BODY_MAX_BYTES = 1_048_576;
/** Ids may be 250 characters, each up to nine when percent-encoded; the router's own limit of 100 would answer 404 for long run ids. */
const PARAM_MAX_CHARS = 2_300;

export async function createHttpApp(parts: ApiParts, metrics: Metrics): Promise<NestFastifyApplication> {
  const adapter = new FastifyAdapter({
    bodyLimit: BODY_MAX_BYTES,
    routerOptions: { maxParamLength: PARAM_MAX_CHARS, ignoreTrailingSlash: true },
    genReqId: () => randomUUID(),
    forceCloseConnections: true,
  });
  const app = await NestFactory.create<NestFastifyApplication>(apiModule(parts), adapter, { logger: nestLogger(parts.logger), abortOnError: false });
  app.useGlobalFilters(new ErrorFilter(parts.logger));
  app.useGlobalGuards(new TokenGuard(parts.actors));
  app.useGlobalInterceptors(new ScopeInterceptor(), new AuditInterceptor(parts.database));
  readJsonBodies(app, BODY_MAX_BYTES);
  readSourceBodies(app, BODY_MAX_BYTES);
  const fastify = adapter.getInstance();
  observeRequests(fastify, metrics);
  fastify.addHook('onSend', async (_request, reply) => {
    void reply.header('x-content-type-options', 'nosniff').header('referrer-policy', 'no-referrer');
    if (reply.getHeader('cache-control') === undefined) void reply.header('cache-control', 'no-store');
  });
  await serveSite(fastify);
  await app.init();
  return app;
}

/** Nest's own words are for debugging, but for its errors. */
function nestLogger(logger: Logger): LoggerService {
  const text = (message: unknown): string => (typeof message === 'string' ? message : String((message as Error | undefined)?.message ?? message));
  return {
    log: (message: unknown) => logger.debug(text(message)),
    error: (message: unknown, ...rest: unknown[]) => logger.error(text(message), { details: rest.map(String) }),
    warn: (message: unknown) => logger.warn(text(message)),
    debug: () => undefined,
    verbose: () => undefined,
  };
}
