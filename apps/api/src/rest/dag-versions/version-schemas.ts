import { z } from 'zod';
import { named, page, time } from '../openapi/answer-schemas.js';
import type { Answer } from '../openapi/answer-schemas.js';

export const dagVersion = named('DagVersionResponse', z.object({
  bundle_name: z.string().nullable(), bundle_url: z.string().nullable(), bundle_version: z.string().nullable(), created_at: time,
  dag_display_name: z.string(), dag_id: z.string(), id: z.uuid(), version_number: z.int(),
}));
export const dagVersionCollection = page('DAGVersionCollectionResponse', 'dag_versions', dagVersion);
export const dagSource = named('DAGSourceResponse', z.object({
  content: z.string().nullable(), dag_display_name: z.string(), dag_id: z.string(), version_number: z.int().nullable(),
}));
export type DagVersionAnswer = Answer<typeof dagVersion>;
