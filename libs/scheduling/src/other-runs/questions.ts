import { INSTANCE_STATES, RUN_STATES } from '@millrace/vocabulary';
import { z } from 'zod';

const state = z.enum([...new Set([...RUN_STATES, ...INSTANCE_STATES])] as [string, ...string[]]);
const states = (fallback: string[]) => z.array(state).default(fallback);
const instant = z.iso.datetime({ offset: true });

/** What a task asks when it wants another dag to run. */
export const triggerOtherInput = z.strictObject({
  dagId: z.string().min(1).max(250),
  runId: z.string().min(1).max(250).nullable().default(null),
  logicalDate: instant.nullable().default(null),
  conf: z.record(z.string(), z.unknown()).nullable().default(null),
  note: z.string().max(1_000).nullable().default(null),
  reset: z.boolean().default(false),
  skipExisting: z.boolean().default(false),
  failWhenPaused: z.boolean().default(false),
  wait: z.boolean().default(false),
  allowed: states(['success']),
  failed: states(['failed']),
});
export type TriggerOtherInput = z.infer<typeof triggerOtherInput>;

/** Which runs, or tasks of them, are waited for, and what ends the wait. Stored with the waiter. */
export const waitCondition = z.strictObject({
  dagId: z.string().min(1).max(250),
  runId: z.string().nullable().default(null),
  dates: z.array(instant).min(1).max(1_000).nullable().default(null),
  taskIds: z.array(z.string()).min(1).max(1_000).nullable().default(null),
  groupId: z.string().nullable().default(null),
  allowed: states(['success']),
  failed: states([]),
  skipped: states([]),
});
export type WaitCondition = z.infer<typeof waitCondition>;

export const lookInput = waitCondition.extend({ watch: z.boolean().default(false), checkExistence: z.boolean().default(false) })
  .refine((input) => (input.runId === null) !== (input.dates === null), 'name either a run or logical dates');
export type LookInput = z.infer<typeof lookInput>;
