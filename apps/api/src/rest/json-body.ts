import type { FastifyRequest } from 'fastify';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { RequestError } from './validation/request-error.js';

/** Deeper bodies nobody writes; PostgreSQL and whoever walks over them would run out of stack. */
const DEPTH_MAX = 200;

/**
 * JSON bodies as FastAPI reads them: none at all is no body, also when the headers announce JSON (many clients send that header with
 * every DELETE); what is no JSON is a 422. The parser's own words are not told: they repeat what was typed, passwords too.
 */
export function readJsonBodies(app: NestFastifyApplication, bodyLimit: number): void {
  const parse = app.getHttpAdapter().getInstance().getDefaultJsonParser('error', 'error');
  app.useBodyParser('application/json', { bodyLimit }, (request: unknown, body: Buffer, done) => {
    if (body.length === 0) return done(null, undefined);
    const text = body.toString('utf8');
    if (isDeeper(text, DEPTH_MAX)) return done(RequestError.single(['body'], `JSON decode error: the body is nested deeper than ${DEPTH_MAX} levels`, null, 'json_invalid'));
    void parse(request as FastifyRequest, text, (error, value) => {
      if (error === null) done(null, value);
      else done(RequestError.single(['body'], 'JSON decode error: the body is not valid JSON', null, 'json_invalid'));
    });
  });
}

/** Whether brackets outside of texts are nested deeper than `limit`; looked at before anything is parsed. */
export function isDeeper(json: string, limit: number): boolean {
  let depth = 0;
  for (let at = 0; at < json.length; at++) {
    const code = json.charCodeAt(at);
    if (code === QUOTE) {
      for (at++; at < json.length && json.charCodeAt(at) !== QUOTE; at++) if (json.charCodeAt(at) === BACKSLASH) at++;
    } else if (code === BRACE || code === BRACKET) {
      if (++depth > limit) return true;
    } else if (code === BRACE + 2 || code === BRACKET + 2) depth--;
  }
  return false;
}

const [QUOTE, BACKSLASH, BRACE, BRACKET] = [0x22, 0x5c, 0x7b, 0x5b];
