import { z } from 'zod';
import { INSTANCE_STATES, RUN_STATES } from '@millrace/vocabulary';
import { named } from '../openapi/answer-schemas.js';
import type { Answer } from '../openapi/answer-schemas.js';

/** What is waited for: its kind, a sentence for people, and the facts of that kind. */
export const reason = named('WaitingReason', z.looseObject({ kind: z.string(), sentence: z.string() }));
export type ReasonAnswer = Answer<typeof reason>;
export const whyRun = named('WhyRun', z.object({ dag_id: z.string(), dag_run_id: z.string(), state: z.enum(RUN_STATES), reasons: z.array(reason) }));
export const whyInstance = named('WhyTaskInstance', z.object({ dag_id: z.string(), dag_run_id: z.string(), task_id: z.string(), map_index: z.int(), state: z.enum(INSTANCE_STATES).nullable(), reasons: z.array(reason) }));
