import { HttpException } from '@nestjs/common';
import type { ArgumentsHost, ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { isTransient, sqlState } from '@millrace/persistence';
import type { Logger } from '@millrace/telemetry';
import { ERRORS, MillraceError } from '@millrace/vocabulary';
import { RequestError } from './validation/request-error.js';

/** Every error as Airflow says it: `{"detail": …}`. What is nobody's business is logged, not told. */
export class ErrorFilter implements ExceptionFilter {
  constructor(private readonly logger: Logger) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const reply = http.getResponse<FastifyReply>();
    const { status, detail, headers } = this.#answer(error, http.getRequest<FastifyRequest>());
    if (reply.sent || reply.raw.headersSent) {
      reply.raw.destroy();
      return;
    }
    void reply.status(status).headers(headers).type('application/json').send({ detail });
  }

  #answer(error: unknown, request: FastifyRequest): { status: number; detail: unknown; headers: Record<string, string> } {
    if (error instanceof RequestError) return { status: 422, detail: error.errors, headers: {} };
    if (error instanceof MillraceError) {
      const status = ERRORS[error.code].http;
      const headers: Record<string, string> = status === 401 ? { 'www-authenticate': 'Bearer' } : status === 503 ? { 'retry-after': '5' } : {};
      return { status, detail: error.message, headers };
    }
    if (error instanceof HttpException) return { status: error.getStatus(), detail: error.message, headers: {} };
    const status = (error as { statusCode?: unknown } | null)?.statusCode;
    if (typeof status === 'number' && status >= 400 && status < 500) return { status, detail: (error as Error).message, headers: {} };

    const fields = { method: request.method, path: request.url.split('?')[0], request_id: request.id };
    if (isDatabaseAway(error)) {
      this.logger.warn('the database did not answer a request', { ...fields, error });
      return { status: 503, detail: 'The database does not answer at the moment; try again', headers: { 'retry-after': '5' } };
    }
    if (sqlState(error) === TAKES_TOO_LONG) {
      this.logger.warn('a request needed the database for too long', { ...fields, error });
      return { status: 503, detail: 'The database needed too long for this request and was stopped. Ask for less: one dag or run, a range of run_after, or the order without order_by', headers: {} };
    }
    const refused = dataRefusal(error);
    if (refused !== null) return { status: 422, detail: refused, headers: {} };
    this.logger.error('a request failed', { ...fields, error });
    return { status: 500, detail: `Internal server error (request ${String(request.id)}; the api's log has the cause)`, headers: {} };
  }
}

/** The statement's own time was over, or an operator cancelled it. */
const TAKES_TOO_LONG = '57014';

/** What the database says of values that no schema here refuses: too large, not storable, naming what is not there. */
function dataRefusal(error: unknown): string | null {
  const state = sqlState(error);
  if (state === '22021' || state === '22P05') return 'The character U+0000 cannot be stored';
  if (state?.startsWith('22')) return `A value of this request cannot be used: ${(error as Error).message}`;
  if (state === '23503') return `This request names something that does not exist: ${String((error as { detail?: unknown }).detail ?? (error as Error).message)}`;
  return null;
}

const NETWORK_CODES = new Set(['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH']);

function isDatabaseAway(error: unknown): boolean {
  if (sqlState(error) !== undefined) return isTransient(error);
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown };
  return (typeof code === 'string' && NETWORK_CODES.has(code)) || (typeof message === 'string' && /connection terminated|timeout exceeded when trying to connect/i.test(message));
}
