import type { TaskContext } from '@millrace/sdk';

/** Names of the run as Airflow exports them, for scripts that want to know where they run. */
export function taskEnvironment(context: TaskContext): Record<string, string> {
  const names: Record<string, string | undefined> = {
    AIRFLOW_CTX_DAG_ID: context.dagId,
    AIRFLOW_CTX_TASK_ID: context.taskId,
    AIRFLOW_CTX_DAG_RUN_ID: context.runId,
    AIRFLOW_CTX_TRY_NUMBER: String(context.tryNumber),
    AIRFLOW_CTX_LOGICAL_DATE: context.logicalDate?.toISOString(),
    MILLRACE_ATTEMPT_ID: context.attemptId,
    // W3C trace context, as OpenTelemetry's command-line tools and SDKs read it.
    TRACEPARENT: context.traceparent === '' ? undefined : context.traceparent,
    // By this mark the worker finds and ends what a try has left anywhere, also when the environment was replaced.
    MILLRACE_RUNNER: process.env['MILLRACE_RUNNER'],
  };
  return definedOnly(names);
}

export function definedOnly(values: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).filter((entry): entry is [string, string] => entry[1] !== undefined));
}
