import { Readable } from 'node:stream';
import { Controller, Headers, Inject, Param, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { LogParser, searchLog, sourceEvents, wholeMessages } from '@millrace/task-logs';
import type { LogEvent, LogMatch } from '@millrace/task-logs';
import type { Answer } from '../openapi/answer-schemas.js';
import { Answers, AnswersAs, Operation, Route } from '../openapi/operation.js';
import type { AnswerTo } from '../openapi/operations.js';
import { query } from '../validation/fields.js';
import { integerPath } from '../validation/integer-path.js';
import { RequestError } from '../validation/request-error.js';
import { ValidQuery } from '../validation/schema-pipe.js';
import { logPage, logSearch } from './log-schemas.js';
import type { LogLineAnswer } from './log-schemas.js';
import { continuationToken, offsetOf } from './continuation-token.js';
import { TryLogs } from './try-logs.js';
import type { TryKey, TryLog } from './try-logs.js';

/** A JSON answer carries at most this much of a log; the token goes on. */
const JSON_CHUNK_MAX_BYTES = 4 * 1_048_576;

/** One page of a log that is read from its end, or from the middle. */
const PAGE_BYTES = 512 * 1_024;

/** One answer of a search looks through so much, and tells so many lines; its `next_byte` goes on. */
const SEARCH_MAX_BYTES = 128 * 1_048_576;
const SEARCH_MAX_MATCHES = 500;
/** A store far away may be slow: what was found by then is told, and the search goes on by `next_byte`. */
const SEARCH_MAX_MS = 10_000;

const byte = z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
const pageQuery = z
  .object({ map_index: z.coerce.number().int().default(-1), before: byte.optional(), after: byte.optional(), max_bytes: z.coerce.number().int().min(1_024).max(JSON_CHUNK_MAX_BYTES).default(PAGE_BYTES) })
  .refine((values) => values.before === undefined || values.after === undefined, { message: 'before and after exclude each other', path: ['before'] });
type PageQuery = z.infer<typeof pageQuery>;
const searchQuery = z.object({ map_index: z.coerce.number().int().default(-1), text: z.string().min(1).max(1_000), after: byte.default(0), limit: z.coerce.number().int().min(1).max(SEARCH_MAX_MATCHES).default(100) });
type SearchQuery = z.infer<typeof searchQuery>;

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
  @AnswersAs('text/plain', 'application/x-ndjson')
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

  /** A page of a log from its end (the default), before a byte or after one: a log of gigabytes is read from wherever somebody looks. */
  @Route('GET', '/api/millrace/v1/dags/:dag_id/dagRuns/:dag_run_id/taskInstances/:task_id/logs/:try_number/page', { action: 'read', resource: 'task_log' })
  @Answers(logPage)
  async page(
    @Param('dag_id') dagId: string,
    @Param('dag_run_id') runId: string,
    @Param('task_id') taskId: string,
    @Param('try_number', integerPath) tryNumber: number,
    @ValidQuery(pageQuery) values: PageQuery,
  ): Promise<Answer<typeof logPage>> {
    const { before, after, max_bytes: max } = values;
    const first = before === undefined ? after : Math.max(0, before - max);
    const limit = before === undefined ? max : before - (first as number);
    const log = await this.logs.open({ dagId, runId, taskId, mapIndex: values.map_index, tryNumber }, first === undefined ? { last: limit } : { offset: first, limit });
    // Who reads on knows where a message begins; only who reads up, or from the end, has to look for it.
    const { bytes, from, to } = await stretch(log, { limit, isCutBefore: after === undefined && log.firstOffset > 0, endsWhole: before !== undefined });
    return {
      content: [...(from === 0 || log.source === 'none' ? headEvents(log) : []), ...eventsOf(bytes)].map(toLine),
      first_byte: from, next_byte: to, size: log.size, is_over: log.isOver, sources: log.sources,
    };
  }

  /** Lines that hold a text, wherever in the log. The server reads, so that nobody has to load gigabytes for it. */
  @Route('GET', '/api/millrace/v1/dags/:dag_id/dagRuns/:dag_run_id/taskInstances/:task_id/logs/:try_number/search', { action: 'read', resource: 'task_log' })
  @Answers(logSearch)
  async search(
    @Param('dag_id') dagId: string,
    @Param('dag_run_id') runId: string,
    @Param('task_id') taskId: string,
    @Param('try_number', integerPath) tryNumber: number,
    @ValidQuery(searchQuery) values: SearchQuery,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const gone = new AbortController();
    reply.raw.once('close', () => gone.abort());
    const log = await this.logs.open({ dagId, runId, taskId, mapIndex: values.map_index, tryNumber }, { offset: values.after, limit: SEARCH_MAX_BYTES, signal: gone.signal });
    const matches: LogMatch[] = [];
    let next: number | null = values.after;
    const isAtEnd = (): boolean => log.size === null || log.nextOffset >= log.size;
    for await (const match of searchLog(untilLate(log.chunks, SEARCH_MAX_MS), values.text, { startByte: values.after, isAtEnd, progress: (at) => { next = at; } })) {
      if (matches.length === values.limit) {
        next = match.lineByte;
        break;
      }
      matches.push(match);
    }
    const isWhole = matches.length < values.limit && isAtEnd();
    await reply.send({ matches: matches.map(({ byte: at, text }) => ({ byte: at, text })), next_byte: isWhole ? null : next, size: log.size, is_over: log.isOver } satisfies Answer<typeof logSearch>);
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

  async #json(key: TryKey, offset: number, full: boolean): Promise<AnswerTo<'get_log'>> {
    const log = await this.logs.open(key, { offset, ...(full ? {} : { limit: JSON_CHUNK_MAX_BYTES }) });
    const { body, next, isCut } = full ? await whole(log) : await chunk(log);
    return {
      // What was tried is told at the beginning of a log, and whenever nobody had it.
      content: [...(offset === 0 || log.source === 'none' ? headEvents(log) : []), ...body].map(toLine),
      continuation_token: log.isOver && !isCut ? null : continuationToken(key, next),
    };
  }
}

interface JsonPart {
  readonly body: readonly LogEvent[];
  readonly next: number;
  readonly isCut: boolean;
}

async function whole(log: TryLog): Promise<JsonPart> {
  const parser = new LogParser();
  const body: LogEvent[] = [];
  for await (const bytes of log.chunks) body.push(...parser.push(bytes));
  body.push(...parser.flush());
  return { body, next: log.nextOffset, isCut: false };
}

async function chunk(log: TryLog): Promise<JsonPart> {
  const { bytes, to, isCut } = await stretch(log, { limit: JSON_CHUNK_MAX_BYTES, isCutBefore: false, endsWhole: false });
  return { body: eventsOf(bytes), next: to, isCut };
}

function eventsOf(bytes: Buffer): LogEvent[] {
  const parser = new LogParser();
  return [...parser.push(bytes), ...parser.flush()];
}

/** What was read of a log, at most the limit, without the messages that its ends cut through. */
async function stretch(log: TryLog, asked: { readonly limit: number; readonly isCutBefore: boolean; readonly endsWhole: boolean }): Promise<{ readonly bytes: Buffer; readonly from: number; readonly to: number; readonly isCut: boolean }> {
  const parts: Uint8Array[] = [];
  for await (const part of log.chunks) parts.push(part);
  const bytes = Buffer.concat(parts);
  // The last bytes are never cut off at the end.
  const isCut = !asked.endsWhole && bytes.length >= asked.limit && (log.size === null || log.nextOffset < log.size);
  const kept = wholeMessages(bytes, { before: asked.isCutBefore, after: isCut || (log.isOver || asked.endsWhole ? false : 'growing') });
  return { bytes: bytes.subarray(kept.from, kept.to), from: log.firstOffset + kept.from, to: log.firstOffset + kept.to, isCut };
}

/** Chunks until it is late; the first always. */
async function* untilLate(chunks: AsyncIterable<Uint8Array>, ms: number): AsyncGenerator<Uint8Array, void, undefined> {
  const until = Date.now() + ms;
  for await (const bytes of chunks) {
    yield bytes;
    if (Date.now() > until) return;
  }
}

/** A line without a time has no such key: Airflow's schema knows a time or nothing. */
function toLine({ timestamp, ...rest }: LogEvent): LogLineAnswer {
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
