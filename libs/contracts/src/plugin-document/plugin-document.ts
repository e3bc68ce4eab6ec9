import { z } from 'zod';

/** What a plugin gives, as data: what the SDK writes of a module, what the api keeps and lists. */

const names = z.array(z.string().max(250)).max(1_000).default([]);

export const pluginDocumentSchema = z.object({
  name: z.string().min(1).max(250),
  /** false: a module without `plugin(…)`, known by what it exports. */
  isDeclared: z.boolean().default(true),
  version: z.string().max(100).default(''),
  description: z.string().max(4_000).default(''),
  operators: names,
  sensors: names,
  timetables: names,
  hooks: names,
  macros: names,
  listeners: names,
  links: z.array(z.object({ name: z.string().min(1).max(100), operators: z.array(z.string().max(250)) })).max(100).default([]),
  routes: z.array(z.object({ method: z.enum(['GET', 'POST', 'PUT', 'PATCH', 'DELETE']), path: z.string().startsWith('/').max(500) })).max(500).default([]),
  definedAt: z.string().nullable().default(null),
});
export type PluginDocument = z.infer<typeof pluginDocumentSchema>;

/** XComs under these keys are links of the try. */
export const LINK_KEY_PREFIX = '_link_';
