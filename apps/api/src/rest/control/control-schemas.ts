import { z } from 'zod';
import { named, page, time } from '../openapi/answer-schemas.js';
import { taskInstance } from '../task-instances/instance-schemas.js';

/** Airflow's answer with why each instance is in its state. */
export const reasonedInstanceCollection = page('ReasonedTaskInstanceCollection', 'task_instances', named('ReasonedTaskInstance', taskInstance.extend({ reason: z.string().nullable() })));
export const taskSwitchCollection = page('TaskSwitchCollection', 'switches', z.object({ task_id: z.string(), off_by: z.string(), off_at: time, note: z.string().nullable() }));
export const switchedTask = named('SwitchedTask', z.object({ dag_id: z.string(), task_id: z.string(), off: z.boolean(), changed: z.boolean() }));
export const hold = named('Hold', z.object({ dag_id: z.string(), held: z.boolean(), held_by: z.string().nullable(), since: time.nullable() }));
export const release = named('Release', z.object({ dag_id: z.string(), was_held_by: z.string().nullable() }));
