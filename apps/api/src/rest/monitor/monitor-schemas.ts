import { z } from 'zod';
import { named } from '../openapi/answer-schemas.js';

export const baseInfo = named('BaseInfoResponse', z.object({ status: z.string().nullable() }));
export const schedulerInfo = named('SchedulerInfoResponse', z.object({ latest_scheduler_heartbeat: z.string().nullable(), status: z.string().nullable() }));
export const triggererInfo = named('TriggererInfoResponse', z.object({ latest_triggerer_heartbeat: z.string().nullable(), status: z.string().nullable() }));
export const dagProcessorInfo = named('DagProcessorInfoResponse', z.object({ latest_dag_processor_heartbeat: z.string().nullable(), status: z.string().nullable() }));
export const healthInfo = named('HealthInfoResponse', z.object({
  dag_processor: dagProcessorInfo.nullable(), metadatabase: baseInfo, scheduler: schedulerInfo, triggerer: triggererInfo,
}));
export const versionInfo = named('VersionInfo', z.object({ git_version: z.string().nullable(), version: z.string() }));
