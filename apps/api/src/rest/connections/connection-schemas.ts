import { z } from 'zod';
import { named, page } from '../openapi/answer-schemas.js';
import type { Answer } from '../openapi/answer-schemas.js';

export const connection = named('ConnectionResponse', z.object({
  conn_type: z.string(), connection_id: z.string(), description: z.string().nullable(), extra: z.string().nullable(), host: z.string().nullable(),
  login: z.string().nullable(), password: z.string().nullable(), port: z.int().nullable(), schema: z.string().nullable(),
  team_name: z.string().nullable(),
}));
export const connectionCollection = page('ConnectionCollectionResponse', 'connections', connection);
export const connectionTest = named('ConnectionTestResponse', z.object({ message: z.string(), status: z.boolean() }));
export type ConnectionAnswer = Answer<typeof connection>;
