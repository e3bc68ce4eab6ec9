import type { workflowsProto } from '@millrace/contracts';

export type Run = workflowsProto.Run;
export type TaskInstance = workflowsProto.TaskInstance;
export type WatchRunResponse = workflowsProto.WatchRunResponse;
