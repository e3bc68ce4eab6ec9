import { z } from 'zod';

/**
 * scheduler → worker, queue `millrace.tasks.<queue>` (durable, persistent, mandatory, dead-lettered).
 * Ids only: what runs is fetched after an authenticated claim, so whoever can write to a queue can execute nothing.
 */
export const attemptsReadySchema = z.object({
  v: z.literal(1),
  /** Pairs of instance id and attempt id; several only when more are ready than there are free slots. */
  ids: z.array(z.tuple([z.uuid(), z.uuid()])).min(1).max(1_000),
  /** Scheduler that has the run in its cache: claiming there is faster, anywhere else is correct. */
  home: z.string().max(200),
});
export type AttemptsReady = z.infer<typeof attemptsReadySchema>;

export const TASK_QUEUE_PREFIX = 'millrace.tasks.';
export const DEAD_LETTER_QUEUE = 'millrace.dead';
export const DEAD_LETTER_EXCHANGE = 'millrace.dead';
