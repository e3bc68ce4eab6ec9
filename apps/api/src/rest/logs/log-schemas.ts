import { z } from 'zod';
import { named, time } from '../openapi/answer-schemas.js';
import type { Answer } from '../openapi/answer-schemas.js';

export const structuredLogMessage = named('StructuredLogMessage', z.looseObject({ event: z.string(), timestamp: time.optional() }));
export const taskInstancesLog = named('TaskInstancesLogResponse', z.object({
  content: z.union([z.array(structuredLogMessage), z.array(z.string())]), continuation_token: z.string().nullable(),
}));
export const externalLogUrl = named('ExternalLogUrlResponse', z.object({ url: z.string() }));
export type LogLineAnswer = Answer<typeof structuredLogMessage>;

/** A page from anywhere in a log, with the bytes it lies between. */
export const logPage = named('LogPage', z.object({
  content: z.array(structuredLogMessage), first_byte: z.int(), next_byte: z.int(), size: z.int().nullable(), is_over: z.boolean(), sources: z.array(z.string()),
}));
/** `next_byte`: where a search goes on; null when the whole log was read. */
export const logSearch = named('LogSearch', z.object({ matches: z.array(z.object({ byte: z.int(), text: z.string() })), next_byte: z.int().nullable(), size: z.int().nullable(), is_over: z.boolean() }));
