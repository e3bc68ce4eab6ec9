import { z } from 'zod';

/** Where the elements of an expansion come from. */
export const mapSourceSchema = z.discriminatedUnion('from', [
  /** A list, or an object, whose entries are the elements as [key, value]. */
  z.object({ from: z.literal('literal'), values: z.union([z.array(z.unknown()), z.record(z.string(), z.unknown())], 'only a list or an object can be mapped over') }),
  /** What a task pushes under `key`: its list or object; of a mapped task the values of all its instances. */
  z.object({ from: z.literal('task'), taskId: z.string(), key: z.string().min(1).default('return_value') }),
  /** Element i of each part, as a list; as many as the shortest part has, or as the longest, with `fill` for what is missing. */
  z.object({
    from: z.literal('zip'),
    get parts() {
      return z.array(mapSourceSchema).min(1);
    },
    longest: z.boolean().default(false),
    fill: z.unknown().default(null),
  }),
]);
export type MapSourceDocument = z.infer<typeof mapSourceSchema>;

/** Dynamic mapping: every combination of the arguments' elements, the last fastest; or each element as the whole input. */
export const expandSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('args'), args: z.array(z.object({ name: z.string().min(1), over: mapSourceSchema })).min(1) }),
  z.object({ kind: z.literal('kwargs'), over: mapSourceSchema }),
]);
export type ExpandDocument = z.infer<typeof expandSchema>;

/** A group that is repeated as long as its condition task says so. */
export const loopSchema = z.object({
  max: z.number().int().min(1).max(1_000_000),
  condition: z.string(),
  /** What happens when the condition still says "again" after the last iteration. */
  atMax: z.enum(['fail', 'succeed']).default('fail'),
});
