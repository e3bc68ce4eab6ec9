import { z } from 'zod';
import { named, time } from '../openapi/answer-schemas.js';
import type { Answer } from '../openapi/answer-schemas.js';

/** `settled`: nothing runs, and nothing will until it is switched off. */
export const maintenance = named('Maintenance', z.object({
  active: z.boolean(), reason: z.string().nullable(), by: z.string().nullable(), since: time.nullable(), running_tasks: z.int(), queued_tasks: z.int(), queued_runs: z.int(), settled: z.boolean(),
}));
export type MaintenanceAnswer = Answer<typeof maintenance>;
export const changedMaintenance = named('ChangedMaintenance', maintenance.extend({ changed: z.boolean() }));
export const drainedWorkers = named('DrainedWorkers', z.object({
  workers: z.array(z.object({
    session_id: z.uuid(), worker_name: z.string(), state: z.enum(['active', 'draining']), slots: z.int(), free_slots: z.int(), running_tasks: z.int(), drain_asked_at: time, drain_asked_by: z.string(),
  })),
}));
