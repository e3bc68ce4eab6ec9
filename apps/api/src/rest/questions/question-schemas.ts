import { z } from 'zod';
import { anyObject, named, page, time } from '../openapi/answer-schemas.js';
import type { Answer } from '../openapi/answer-schemas.js';
import { taskInstance, taskInstanceHistory } from '../task-instances/instance-schemas.js';

export const hitlUser = named('HITLUser', z.object({ id: z.string(), name: z.string() }));
export const hitlDetail = named('HITLDetail', z.object({
  assigned_users: z.array(hitlUser), body: z.string().nullable(), chosen_options: z.array(z.string()).nullable(), created_at: time,
  defaults: z.array(z.string()).nullable(), multiple: z.boolean(), options: z.array(z.string()), params: anyObject,
  params_input: anyObject, responded_at: time.nullable(), responded_by_user: hitlUser.nullable(),
  response_received: z.boolean(), subject: z.string(), task_instance: taskInstance,
}));
export const hitlDetailCollection = page('HITLDetailCollection', 'hitl_details', hitlDetail);
export const hitlDetailHistory = named('HITLDetailHistory', hitlDetail.extend({ task_instance: taskInstanceHistory }));
export const hitlResponse = named('HITLDetailResponse', z.object({
  chosen_options: z.array(z.string()), params_input: anyObject, responded_at: time, responded_by: hitlUser,
}));
export type HitlAnswer = Answer<typeof hitlDetail>;
