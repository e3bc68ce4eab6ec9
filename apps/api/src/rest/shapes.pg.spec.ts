import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ApiRig } from '../testing/api-rig.js';
import { exampleBashOperator } from '../testing/documents.js';
import { shapeDifferences } from '../testing/shape-differences.js';

/** Keys and JSON types of answers that a real Airflow 3.2.1 gave for its example dags. */
const SHAPES = JSON.parse(readFileSync(new URL('../testing/airflow-3.2.1-shapes.json', import.meta.url), 'utf8')) as Readonly<Record<string, unknown>>;

describe('answers have the shape of Airflow 3.2.1', () => {
  let rig: ApiRig;
  let run = '';
  beforeAll(async () => {
    rig = await ApiRig.open();
    await rig.publish('example_bash_operator.ts', [exampleBashOperator()]);
    const triggered = await rig.call('POST', '/api/v2/dags/example_bash_operator/dagRuns', { body: { logical_date: null } });
    expect(triggered.body, rig.logged.join('\n')).toMatchObject({ dag_id: 'example_bash_operator' });
    run = `/api/v2/dags/example_bash_operator/dagRuns/${encodeURIComponent(triggered.body.dag_run_id)}`;
    await rig.sql(FINISHED_RUN);
  });
  afterAll(() => rig[Symbol.asyncDispose]());

  const DAG = '/api/v2/dags/example_bash_operator';
  it.each([
    ['dag', () => DAG],
    ['dag_details', () => `${DAG}/details`],
    ['dag_tasks', () => `${DAG}/tasks`],
    ['task', () => `${DAG}/tasks/run_after_loop`],
    ['dagRuns', () => `${DAG}/dagRuns`],
    ['dagRun_single', () => run],
    ['taskInstances', () => `${run}/taskInstances`],
    ['taskInstance_single', () => `${run}/taskInstances/run_after_loop`],
    ['ti_tries', () => `${run}/taskInstances/run_after_loop/tries`],
    ['ti_xcom', () => `${run}/taskInstances/run_after_loop/xcomEntries`],
    ['eventLogs', () => '/api/v2/eventLogs'],
    ['importErrors', () => '/api/v2/importErrors'],
    ['monitor_health', () => '/api/v2/monitor/health'],
    ['pools', () => '/api/v2/pools'],
    ['version', () => '/api/v2/version'],
  ])('%s', async (name, path) => {
    const { status, body } = await rig.get(path());
    expect(status, `${JSON.stringify(body)}\n${rig.logged.join('\n')}`).toBe(200);
    expect(shapeDifferences(body, SHAPES[name])).toEqual([]);
  });
});

/** What a scheduler and a worker would have written. */
const FINISHED_RUN = `
with run as (
  update dag_run set state = 'success', start_date = now(), end_date = now() + interval '3 seconds', last_scheduling_decision = now() returning *
), made as (
  insert into task_instance (id, dag_run_id, dag_id, run_id, task_id, state, try_number, attempt_id, scheduled_at, queued_at, start_date, end_date,
                             operator, hostname, pid, unixname, rendered_fields)
  select gen_random_uuid(), run.id, run.dag_id, run.run_id, t.task_id, 'success', 1, gen_random_uuid(), now(), now(), now(), now() + interval '1 second',
         'BashOperator', 'host', 1766, 'airflow', '{"bash_command": "true", "env": null, "cwd": null}'
  from run, unnest(array['runme_0', 'runme_1', 'runme_2', 'run_after_loop', 'also_run_this', 'run_this_last']) as t (task_id)
  returning *
)
insert into xcom (instance_id, try_number, key, dag_run_id, dag_id, run_id, task_id, index_path, value)
select id, 1, 'return_value', dag_run_id, dag_id, run_id, task_id, '{}', '"done"' from made where task_id = 'run_after_loop'`;
