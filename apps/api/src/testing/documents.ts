import type { DagDocumentInput } from '@millrace/contracts';

/** Airflow's first example, as a document: three loops, one after them, one beside them, one at the end. */
export function exampleBashOperator(more: Partial<DagDocumentInput> = {}): DagDocumentInput {
  const bash = (taskId: string, upstream: string[] = []) => ({ taskId, operator: 'BashOperator', upstream, owner: 'airflow', templateFields: ['bash_command', 'env', 'cwd'], definedAt: 'example_bash_operator.ts:12' });
  return {
    format: 1,
    dagId: 'example_bash_operator',
    tags: ['example', 'example2'],
    schedule: { kind: 'cron', expressions: ['0 0 * * *'], timezone: 'UTC' },
    startDate: '2021-01-01T00:00:00Z',
    dagrunTimeoutSeconds: 3_600,
    params: { example_key: { value: 'example_value' } },
    definedAt: 'example_bash_operator.ts:5',
    tasks: [bash('runme_0'), bash('runme_1'), bash('runme_2'), bash('run_after_loop', ['runme_0', 'runme_1', 'runme_2']), bash('also_run_this'), bash('run_this_last', ['run_after_loop', 'also_run_this'])],
    ...more,
  };
}
