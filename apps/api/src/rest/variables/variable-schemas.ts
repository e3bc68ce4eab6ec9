import { z } from 'zod';
import { named, page } from '../openapi/answer-schemas.js';
import type { Answer } from '../openapi/answer-schemas.js';

export const variable = named('VariableResponse', z.object({
  description: z.string().nullable(), is_encrypted: z.boolean(), key: z.string(), team_name: z.string().nullable(), value: z.string(),
}));
export const variableCollection = page('VariableCollectionResponse', 'variables', variable);
export type VariableAnswer = Answer<typeof variable>;
