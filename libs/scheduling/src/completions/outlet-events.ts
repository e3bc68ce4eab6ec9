import type { OutletEvent } from '@millrace/engine';
import { PARTITION_KEY_MAX_LENGTH } from '@millrace/vocabulary';
import { z } from 'zod';

const told = z.array(z.object({
  name: z.string().min(1).max(1_500),
  uri: z.string().max(1_500),
  group: z.string().max(1_500).nullable(),
  extra: z.record(z.string(), z.unknown()),
  alias: z.string().min(1).max(1_500).nullable(),
  partitionKeys: z.array(z.string().min(1).max(PARTITION_KEY_MAX_LENGTH)).max(10_000),
}).refine((event) => event.alias === null || event.uri !== '')).max(10_000);

/** What a worker reports of a try's outlets; undefined: it is not of that shape. */
export function readOutletEvents(json: string): readonly OutletEvent[] | undefined {
  const parsed = told.safeParse(JSON.parse(json));
  return parsed.success ? parsed.data : undefined;
}
