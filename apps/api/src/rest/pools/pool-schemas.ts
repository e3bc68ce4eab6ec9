import { z } from 'zod';
import { named, page } from '../openapi/answer-schemas.js';
import type { Answer } from '../openapi/answer-schemas.js';

export const pool = named('PoolResponse', z.object({
  deferred_slots: z.int(), description: z.string().nullable(), include_deferred: z.boolean(), name: z.string(), occupied_slots: z.int(),
  open_slots: z.int(), queued_slots: z.int(), running_slots: z.int(), scheduled_slots: z.int(), slots: z.int(), team_name: z.string().nullable(),
}));
export const poolCollection = page('PoolCollectionResponse', 'pools', pool);
export type PoolAnswer = Answer<typeof pool>;
