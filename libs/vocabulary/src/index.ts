export type { AttemptId, BundleHash, ClaimToken, DagId, DagVersionId, Id, IndexPath, InstanceId, RunId, RunName, SessionId, TaskId } from './ids.js';
export { ID_PATTERN, NO_INSTANCE_ID, RUN_ID_PATTERN, mapIndexOf } from './ids.js';
export type { BackfillState, FinishedState, InstanceState, Outcome, ReprocessBehavior, RunState, RunType, TriggeredBy, TriggerRule } from './states.js';
export { BACKFILL_STATES, FINISHED_STATES, INSTANCE_STATES, OUTCOMES, REPROCESS_BEHAVIORS, RUN_STATES, RUN_TYPES, TRIGGERED_BY, TRIGGER_RULES, isFinished } from './states.js';
export { ERRORS, MillraceError } from './errors.js';
export type { ErrorCode } from './errors.js';
export * from './limits.js';
export { uuidV7From } from './uuid.js';
export { nearest } from './nearest.js';
