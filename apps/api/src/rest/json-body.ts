import type { FastifyRequest } from 'fastify';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { RequestError } from './validation/request-error.js';

/**
 * JSON bodies as FastAPI reads them: none at all is no body, also when the headers announce JSON (many clients send that header with
 * every DELETE); what is no JSON is a 422. The parser's own words are not told: they repeat what was typed, passwords too.
 */
export function readJsonBodies(app: NestFastifyApplication, bodyLimit: number): void {
  const parse = app.getHttpAdapter().getInstance().getDefaultJsonParser('error', 'error');
  app.useBodyParser('application/json', { bodyLimit }, (request: unknown, body: Buffer, done) => {
    if (body.length === 0) return done(null, undefined);
    void parse(request as FastifyRequest, body.toString('utf8'), (error, value) => {
      if (error === null) done(null, value);
      else done(RequestError.single(['body'], 'JSON decode error: the body is not valid JSON', null, 'json_invalid'));
    });
  });
}
