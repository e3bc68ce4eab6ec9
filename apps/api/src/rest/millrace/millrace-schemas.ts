import { z } from 'zod';
import { named, page, time } from '../openapi/answer-schemas.js';

export const taskRun = named('TaskRun', z.object({ dag_run_id: z.string(), task_id: z.string(), try_number: z.int() }));
export const workerCollection = page('WorkerCollection', 'workers', named('Worker', z.object({
  session_id: z.uuid(), worker_name: z.string(), state: z.string(), queues: z.array(z.string()), slots: z.int(), free_slots: z.int(), version: z.string(), pid: z.int().nullable(), log_address: z.string(),
  started_at: time, last_beat_at: time, lease_expires_at: time, ended_at: time.nullable(), drain_asked_at: time.nullable(), drain_asked_by: z.string().nullable(),
})));
export const serviceCollection = page('ServiceCollection', 'services', named('Service', z.object({
  id: z.string(), kind: z.string(), alive: z.boolean(), hostname: z.string(), pid: z.int().nullable(), address: z.string().nullable(), version: z.string(), started_at: time, last_beat_at: time, ended_at: time.nullable(), partitions: z.array(z.int()),
})));
export const callbackCollection = page('CallbackCollection', 'callbacks', named('Callback', z.object({
  id: z.uuid(), dag_id: z.string(), dag_run_id: z.string().nullable(), task_id: z.string().nullable(), map_index: z.int(), try_number: z.int(), on: z.enum(['success', 'failure', 'retry', 'skipped', 'deadline']),
  deadline: z.string().nullable(), reason: z.string(), state: z.enum(['pending', 'running', 'success', 'failed']), tries: z.int(), worker: z.string().nullable(), created_at: time, started_at: time.nullable(),
  ended_at: time.nullable(), error: z.string().nullable(), log: z.string().nullable(),
})));
export const missedDeadlineCollection = page('MissedDeadlineCollection', 'missed_deadlines', named('MissedDeadline', z.object({
  id: z.uuid(), dag_id: z.string(), dag_run_id: z.string().nullable(), name: z.string(), reference: z.string(), due_at: time, missed_at: time, callback_state: z.string().nullable(),
})));
/** Effects of decisions that are not carried out yet, by kind. */
export const effects = named('Effects', z.object({ effects: z.array(z.object({ kind: z.string(), waiting: z.int(), failing: z.int(), parked: z.int(), oldest_seconds: z.number() })) }));
