import { Readable } from 'node:stream';
import { Controller, Headers, Inject, Param, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { LogParser, sourceEvents } from '@millrace/task-logs';
import type { LogEvent } from '@millrace/task-logs';
import { Operation, Route } from '../openapi/operation.js';
import { query } from '../validation/fields.js';
import { integerPath } from '../validation/integer-path.js';
import { RequestError } from '../validation/request-error.js';
import { ValidQuery } from '../validation/schema-pipe.js';
import { continuationToken, offsetOf } from './continuation-token.js';
import { TryLogs } from './try-logs.js';
import type { TryKey, TryLog } from './try-logs.js';

/** A JSON answer carries at most this much of a log; the token goes on. */
const JSON_CHUNK_MAX_BYTES = 4 * 1_048_576;

const logQuery = z.object({ full_content: query.boolean, map_index: z.coerce.number().int().default(-1), token: query.text, follow: query.boolean });
type LogQuery = z.infer<typeof logQuery>;

@Controller()
export class LogsController {
  constructor(@Inject(TryLogs) private readonly logs: TryLogs) {}

  @Operation('get_log')
  async getLog(
    @Param('dag_id') dagId: string,
    @Param('dag_run_id') runId: string,
    @Param('task_id') taskId: string,
    @Param('try_number', integerPath) tryNumber: number,
    @ValidQuery(logQuery) values: LogQuery,
    @Res() reply: FastifyReply,
    @Headers('accept') accept = '*/*',
  ): Promise<void> {
    const key = { dagId, runId, taskId, mapIndex: values.map_index, tryNumber };
    const offset = values.full_content ? 0 : offsetOf(values.token, key);
    if (accept.includes('application/x-ndjson')) return this.#stream(key, offset, values.follow ?? false, 'ndjson', reply);
    if (accept.includes('text/plain') || values.follow) return this.#stream(key, offset, values.follow ?? false, 'text', reply);
    if (!/application\/json|\*\/\*|application\/\*/.test(accept)) {
      throw RequestError.single(['header', 'accept'], "Only application/json, application/x-ndjson or text/plain is supported", accept);
    }
    await reply.send(await this.#json(key, offset, values.full_content ?? false));
  }

  /** The log as it is written, until the try ends. */
  @Route('GET', '/api/millrace/v1/dags/:dag_id/dagRuns/:dag_run_id/taskInstances/:task_id/logs/:try_number/stream', { action: 'read', resource: 'task_log' })
  async follow(
    @Param('dag_id') dagId: string,
    @Param('dag_run_id') runId: string,
    @Param('task_id') taskId: string,
    @Param('try_number', integerPath) tryNumber: number,
    @ValidQuery(logQuery) values: LogQuery,
    @Res() reply: FastifyReply,
    @Headers('accept') accept = '*/*',
  ): Promise<void> {
    const key = { dagId, runId, taskId, mapIndex: values.map_index, tryNumber };
    const format = accept.includes('application/x-ndjson') ? 'ndjson' : 'text';
    return this.#stream(key, offsetOf(values.token, key), true, format, reply);
  }

  async #stream(key: TryKey, offset: number, follow: boolean, format: 'text' | 'ndjson', reply: FastifyReply): Promise<void> {
    const gone = new AbortController();
    reply.raw.once('close', () => gone.abort());
    const log = await this.logs.open(key, { offset, follow, signal: gone.signal });
    const lines = format === 'text' ? textLines(log) : ndjsonLines(log);
    await reply
      .type(format === 'text' ? 'text/plain; charset=utf-8' : 'application/x-ndjson')
      .header('x-accel-buffering', 'no')
      .send(Readable.from(lines, { objectMode: false }));
  }

  async #json(key: TryKey, offset: number, full: boolean): Promise<unknown> {
    const log = await this.logs.open(key, { offset, ...(full ? {} : { limit: JSON_CHUNK_MAX_BYTES }) });
    const parser = new LogParser();
    const body: LogEvent[] = [];
    for await (const chunk of log.chunks) body.push(...parser.push(chunk));
    body.push(...parser.flush());
    const complete = log.isOver && (full || log.nextOffset - offset < JSON_CHUNK_MAX_BYTES);
    return {
      // What was tried is told at the beginning of a log, and whenever nobody had it.
      content: [...(offset === 0 || log.source === 'none' ? headEvents(log) : []), ...body].map(toLine),
      continuation_token: complete ? null : continuationToken(key, log.nextOffset),
    };
  }
}

/** A line without a time has no such key: Airflow's schema knows a time or nothing. */
function toLine({ timestamp, ...rest }: LogEvent): object {
  return timestamp === null ? rest : { timestamp, ...rest };
}

/** Where the log was looked for, in Airflow's foldable group. */
function headEvents(log: TryLog): LogEvent[] {
  const [open, close] = sourceEvents(log.sources);
  return [open!, ...log.messages.map((event) => ({ timestamp: null, event })), close!];
}

async function* textLines(log: TryLog): AsyncGenerator<Uint8Array> {
  let told = 0;
  const news = (): Uint8Array[] => log.messages.slice(told, (told = log.messages.length)).map((message) => Buffer.from(`${message}\n`));
  yield* news();
  for await (const chunk of log.chunks) {
    yield* news();
    yield chunk;
  }
  yield* news();
}

async function* ndjsonLines(log: TryLog): AsyncGenerator<string> {
  for (const event of headEvents(log)) yield `${JSON.stringify(toLine(event))}\n`;
  let told = log.messages.length;
  const parser = new LogParser();
  for await (const chunk of log.chunks) for (const event of parser.push(chunk)) yield `${JSON.stringify(toLine(event))}\n`;
  for (const event of parser.flush()) yield `${JSON.stringify(toLine(event))}\n`;
  for (; told < log.messages.length; told++) yield `${JSON.stringify({ event: log.messages[told] })}\n`;
}
