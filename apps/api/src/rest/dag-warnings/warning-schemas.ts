import { z } from 'zod';
import { named, page, time } from '../openapi/answer-schemas.js';
import type { Answer } from '../openapi/answer-schemas.js';

export const dagWarningType = named('DagWarningType', z.enum(['asset conflict', 'non-existent pool', 'runtime varying value']));
export const dagWarning = named('DAGWarningResponse', z.object({
  dag_display_name: z.string(), dag_id: z.string(), message: z.string(), timestamp: time, warning_type: dagWarningType,
}));
export const dagWarningCollection = page('DAGWarningCollectionResponse', 'dag_warnings', dagWarning);
export type DagWarningAnswer = Answer<typeof dagWarning>;
