export type { GraphError, Plan, PlanSource, PlanTask, PlanTaskSource } from './graph/plan.js';
export type { FinishedEvent, RunEvent } from './run/events.js';
export type { Decision, Effect, InstanceChange, RunChange } from './run/decision.js';
export type { Instance, Run, RunFacts, StoredInstance, UpstreamCounts } from './run/run.js';
export type { NextRun, ScheduleSource, Timetable, TimetableOptions } from './timetables/timetable.js';
export { compileTimetable } from './timetables/compile-timetable.js';
export type { CompiledTimetable } from './timetables/compile-timetable.js';
export { EMPTY_INTERVAL_WARNING } from './timetables/trigger-timetable.js';
