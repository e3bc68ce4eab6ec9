import { z } from 'zod';

/** Assets in a dag document: what tasks write and read, what a dag waits for, and how partition keys are mapped. */

const name = z.string().min(1, 'an asset needs a name').max(1500);
const partitionKey = z.string().min(1).max(250);

/** Something outside that is listened to; an event of the asset is recorded for each thing that happens there. */
export const watcherSchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('rabbitmq'),
    name: z.string().min(1).max(250),
    connId: z.string().min(1),
    exchange: z.string().min(1),
    routingKey: z.string().default('#'),
    /** Where messages wait while nobody listens. null: a durable queue of the watcher's own. */
    queue: z.string().min(1).nullable().default(null),
    /** Field of the JSON body that holds the partition key; null: events without one. */
    partitionKeyField: z.string().min(1).nullable().default(null),
  }),
  z.object({
    kind: z.literal('postgres'),
    name: z.string().min(1).max(250),
    connId: z.string().min(1),
    /** `table` or `schema.table`. */
    table: z.string().regex(/^[A-Za-z_][A-Za-z0-9_$]*(\.[A-Za-z_][A-Za-z0-9_$]*)?$/, 'a table is written "table" or "schema.table"'),
    /** A column that only grows: an id or a time of insertion. */
    cursorColumn: z.string().regex(/^[A-Za-z_][A-Za-z0-9_$]*$/, 'a column is a plain name'),
    /** Columns that go into the event's extra. */
    columns: z.array(z.string().regex(/^[A-Za-z_][A-Za-z0-9_$]*$/, 'a column is a plain name')).max(50).default([]),
    /** LISTEN on this channel: a notification is looked at at once. null: only every `pollSeconds`. */
    channel: z.string().regex(/^[A-Za-z_][A-Za-z0-9_$]*$/, 'a channel is a plain name').nullable().default(null),
    pollSeconds: z.number().min(0.1).max(3_600).default(0.5),
    partitionKeyColumn: z.string().regex(/^[A-Za-z_][A-Za-z0-9_$]*$/, 'a column is a plain name').nullable().default(null),
  }),
]);
export type WatcherDocument = z.infer<typeof watcherSchema>;

export const assetSchema = z.object({
  name,
  uri: z.string().min(1).max(1500),
  group: z.string().default('asset'),
  extra: z.record(z.string(), z.unknown()).default({}),
  watchers: z.array(watcherSchema).default([]),
});
export type AssetDocument = z.infer<typeof assetSchema>;

export const assetAliasSchema = z.object({ name, group: z.string().default('asset') });
export type AssetAliasDocument = z.infer<typeof assetAliasSchema>;

export type AssetConditionDocument =
  | { readonly asset: AssetDocument }
  | { readonly alias: AssetAliasDocument }
  | { readonly all: readonly AssetConditionDocument[] }
  | { readonly any: readonly AssetConditionDocument[] };

/** Airflow's asset expression: `{ any: [{ asset: { name, uri } }, { all: […] }] }`. */
export const assetConditionSchema: z.ZodType<AssetConditionDocument> = z.lazy(() =>
  z.union(
    [
      z.object({ asset: assetSchema }),
      z.object({ alias: assetAliasSchema }),
      z.object({ all: z.array(assetConditionSchema).min(1, 'a condition needs at least one asset') }),
      z.object({ any: z.array(assetConditionSchema).min(1, 'a condition needs at least one asset') }),
    ],
    'a condition is { asset }, { alias }, { all: [conditions] } or { any: [conditions] }',
  ),
) as never;

const unit = z.enum(['hour', 'day', 'week', 'month', 'quarter', 'year']);
export type PartitionUnitDocument = z.infer<typeof unit>;

const windowSchema = z.discriminatedUnion('kind', [
  /** The members of one hour (60 minutes), day (24 hours), week (7 days), month (its days), quarter (3 months), year (12 months). */
  z.object({ kind: z.literal('period'), unit, direction: z.enum(['forward', 'backward']).default('forward') }),
  /** The last `count` partitions of a unit, the partition itself included: slides. */
  z.object({ kind: z.literal('last'), count: z.number().int().min(1).max(1_000), unit: z.enum(['hour', 'day', 'week', 'month', 'quarter', 'year']) }),
  z.object({ kind: z.literal('segments'), keys: z.array(partitionKey).min(1).max(10_000) }),
]);

const waitSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('all') }),
  /** n > 0: at least n arrived; n < 0: at most -n are missing. */
  z.object({ kind: z.literal('minimum'), count: z.number().int().refine((n) => n !== 0, 'a minimum of 0 would always be met') }),
]);

export type PartitionMapperDocument =
  | { readonly kind: 'identity' }
  | { readonly kind: 'startOf'; readonly unit: PartitionUnitDocument; readonly timezone: string; readonly inputFormat: string; readonly outputFormat: string | null }
  | { readonly kind: 'prefix'; readonly add: string; readonly strip: string }
  | { readonly kind: 'segment'; readonly delimiter: string; readonly index: number }
  | { readonly kind: 'allowed'; readonly keys: readonly string[] }
  | { readonly kind: 'fixed'; readonly key: string }
  | { readonly kind: 'chain'; readonly mappers: readonly PartitionMapperDocument[] }
  | { readonly kind: 'product'; readonly mappers: readonly PartitionMapperDocument[]; readonly delimiter: string }
  | { readonly kind: 'rollup'; readonly upstream: PartitionMapperDocument; readonly window: z.infer<typeof windowSchema>; readonly wait: z.infer<typeof waitSchema> }
  | { readonly kind: 'fanOut'; readonly upstream: PartitionMapperDocument; readonly window: z.infer<typeof windowSchema>; readonly downstream: PartitionMapperDocument | null };

export const partitionMapperSchema: z.ZodType<PartitionMapperDocument> = z.lazy(() =>
  z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('identity') }),
    z.object({ kind: z.literal('startOf'), unit, timezone: z.string().default('UTC'), inputFormat: z.string().default('%Y-%m-%dT%H:%M:%S'), outputFormat: z.string().nullable().default(null) }),
    z.object({ kind: z.literal('prefix'), add: z.string().max(200).default(''), strip: z.string().max(200).default('') }),
    z.object({ kind: z.literal('segment'), delimiter: z.string().min(1).default('|'), index: z.number().int().min(0) }),
    z.object({ kind: z.literal('allowed'), keys: z.array(partitionKey).min(1).max(100_000) }),
    z.object({ kind: z.literal('fixed'), key: partitionKey }),
    z.object({ kind: z.literal('chain'), mappers: z.array(partitionMapperSchema).min(1) }),
    z.object({ kind: z.literal('product'), mappers: z.array(partitionMapperSchema).min(2), delimiter: z.string().min(1).default('|') }),
    z.object({ kind: z.literal('rollup'), upstream: partitionMapperSchema, window: windowSchema, wait: waitSchema.default({ kind: 'all' }) }),
    z.object({ kind: z.literal('fanOut'), upstream: partitionMapperSchema, window: windowSchema, downstream: partitionMapperSchema.nullable().default(null) }),
  ]),
) as never;
