import { z } from 'zod';
import { named, page, time } from '../openapi/answer-schemas.js';
import type { Answer } from '../openapi/answer-schemas.js';

export const importError = named('ImportErrorResponse', z.object({
  bundle_name: z.string().nullable(), filename: z.string(), import_error_id: z.int(), stack_trace: z.string(), timestamp: time,
}));
export const importErrorCollection = page('ImportErrorCollectionResponse', 'import_errors', importError);
export type ImportErrorAnswer = Answer<typeof importError>;
