import type { RunRequest, RunnerAnswer, RunnerQuestion } from '@millrace/contracts';
import { SecretMask } from '@millrace/task-logs';
import { describe, expect, it } from 'vitest';
import type { TaskLike } from './dag-contract.js';
import { renderTemplates } from './render-templates.js';
import { TaskContext } from './task-context.js';

const REQUEST = {
  dagId: 'nightly', runId: 'scheduled__1', taskId: 'load', indexPath: [], tryNumber: 2, maxTries: 3, runType: 'scheduled', attemptId: 'a-1', owner: 'data', queue: 'default', partitionKey: null,
  logicalDate: '2026-05-23T04:00:00Z', dataIntervalStart: '2026-05-22T04:00:00Z', dataIntervalEnd: '2026-05-23T04:00:00Z', runAfter: '2026-05-23T04:00:00Z', startDate: '2026-05-23T04:00:01Z',
  paramsJson: '{"n":3,"names":["a","b"]}', confJson: '{"by":"hand"}', xcomMaxBytes: 1_000_000,
} as unknown as RunRequest;

const ANSWERS: Readonly<Record<string, string>> = {
  'variable region': 'eu', 'variable limits': '{"rows":5}', 'variable api_key': 'key-secret',
  'connection db': JSON.stringify({ conn_type: 'postgres', host: 'db.example.org', login: 'ada', password: 'pw-secret', port: 5_432, schema: 'w', extra: '{"sslmode":"require"}' }),
};

async function render(value: unknown, more: Partial<RunRequest> = {}, dag: { options?: object } = {}): Promise<{ value: unknown; shown: string }> {
  const secrets = new SecretMask();
  const ask = (question: RunnerQuestion): Promise<RunnerAnswer> => {
    if (question.ask === 'xcom') return Promise.resolve({ xcoms: [{ taskId: 'extract', indexPath: [], json: '{"rows":42}' }] } as unknown as RunnerAnswer);
    const key = question.ask === 'variable' ? question.key : question.ask === 'connection' ? question.connectionId : '';
    return Promise.resolve({ json: ANSWERS[`${question.ask} ${key}`] ?? null });
  };
  const operator = { field: value, execute: () => undefined };
  const task = { templateFields: ['field'], operator } as unknown as TaskLike;
  const rendered = await renderTemplates(task, new TaskContext({ ...REQUEST, ...more }, {} as never, secrets, ask), secrets, ask, dag);
  const answer = { value: operator.field, shown: rendered.fieldsJson };
  rendered.restore();
  expect(operator.field).toBe(value);
  return answer;
}

describe('renderTemplateAsNativeObj', () => {
  const native = { options: { renderTemplateAsNativeObj: true } };

  it.each<[template: string, is: unknown]>([
    ['{{ params.names }}', ['a', 'b']],
    ['{{ params.n + 1 }}', 4],
    ['{{- params.n > 2 -}}', true],
    ["{{ ti.xcom_pull(task_ids='extract') }}", { rows: 42 }],
    ['{{ var.json.limits }}', { rows: 5 }],
    ['{{ params.names | length }}', 2],
    ['{{ dag_run.conf.by }}', 'hand'],
    ['{{ logical_date }}', new Date('2026-05-23T04:00:00Z')],
    ['{{ none }}', null],
    // More than one expression, or anything beside it, is text.
    ['{{ params.n }}{{ params.n }}', '33'],
    [' {{ params.n }}', ' 3'],
    ['{% if params.n %}{{ params.n }}{% endif %}', '3'],
    ['{{ "}}" }}', '}}'],
  ])('%s', async (template, is) => {
    expect((await render({ deep: [template] }, {}, native)).value).toEqual({ deep: [is] });
  });

  it('says of a name there is not what there is, as of text, and shows no secret', async () => {
    await expect(render('{{ missing }}', {}, native)).rejects.toThrow(/template field "field".*"missing" is no name a template knows/);
    await expect(render('{{ params.constructor }}', {}, native)).rejects.toThrow(/template field "field"/);
    expect((await render('{{ [conn.db.password, var.value.api_key] }}', {}, native)).shown).toBe('{"field":["***","***"]}');
  });

  it('is text without it', async () => {
    expect((await render('{{ params.n + 1 }}')).value).toBe('4');
  });
});

describe("Airflow's names in templates", () => {
  it.each<[template: string, is: string]>([
    ['{{ ds }} {{ ds_nodash }}', '2026-05-23 20260523'],
    ['{{ ts }} {{ ts_nodash }} {{ ts_nodash_with_tz }}', '2026-05-23T04:00:00+00:00 20260523T040000 20260523T040000+0000'],
    ['{{ logical_date.strftime("%d.%m.%Y") }} {{ logical_date | ds_nodash }}', '23.05.2026 20260523'],
    ['{{ data_interval_start }} {{ data_interval_end.add(hours=6).isoformat() }}', '2026-05-22 04:00:00+00:00 2026-05-23T10:00:00+00:00'],
    ['{{ dag.dag_id }} {{ task.task_id }} {{ run_id }} {{ dag_run.run_type }} {{ dag_run.conf.by }}', 'nightly load scheduled__1 scheduled hand'],
    ['{{ ti.try_number }} {{ task_instance.map_index }} {{ task_instance_key_str }}', '2 -1 nightly__load__20260523'],
    ["{{ ti.xcom_pull(task_ids='extract').rows }} {{ ti.xcom_pull('extract')['rows'] }}", '42 42'],
    ['{{ params.n + 1 }} {{ params.names | join("-") }} {% for name in params.names %}<{{ name }}>{% endfor %}', '4 a-b <a><b>'],
    ['{{ var.value.region }} {{ var.json.limits.rows }} {{ var.value.get("none", "fallback") }}', 'eu 5 fallback'],
    ['{{ conn.db.host }}:{{ conn.db.port }} {{ conn.db.extra_dejson.sslmode }} {{ conn.get("none", {"host": "else"}).host }}', 'db.example.org:5432 require else'],
    ['{{ macros.ds_add(ds, -7) }} {{ macros.ds_format(ds, "%Y-%m-%d", "%B") }} {{ macros.json.dumps(params.names) }}', '2026-05-16 May ["a","b"]'],
  ])('%s', async (template, is) => {
    expect((await render(template)).value).toBe(is);
  });

  it('render lists and objects, and leave other values as they are', async () => {
    expect((await render({ sql: ['select {{ params.n }}', 7], at: new Date(0) })).value).toEqual({ sql: ['select 3', 7], at: new Date(0) });
  });

  it('hide secrets in what is shown, not in what the task gets', async () => {
    const { value, shown } = await render('{{ conn.db.password }} {{ var.value.api_key }}');
    expect(value).toBe('pw-secret key-secret');
    expect(shown).toBe('{"field":"*** ***"}');
  });
});

describe('a template that cannot be rendered', () => {
  it.each<[template: string, says: RegExp]>([
    ['{{ dss }}', /^template field "field" of task "load" could not be rendered: "dss" is no name a template knows in this run; it knows .*ds, /],
    ['{{ no_such.thing }}', /"no_such" is no name a template knows/],
    ['{{ no_such() }}', /"no_such" is no name a template knows/],
    ['{{ other | default("x") }}{{ params.missing | tojson(indent=2) }}{{ unknown | upper }}', /template field "field"/],
    ['{{ params.missing }}', /template field "field".*null or undefined/],
    ['{{ var.value.absent }}', /there is no variable "absent": it is not in the environment of worker or scheduler \(MILLRACE_VAR_ABSENT\), .*not in the database/],
    ['{{ conn.absent.host }}', /there is no connection "absent": .*MILLRACE_CONN_ABSENT/],
    ['{{ var.json.region }}', /template field "field".*JSON/],
    ['{% if %}', /template field "field"/],
    ['{{ range.constructor("return 1")() }}', /template field "field"/],
  ])('%s', async (template, says) => {
    await expect(render(template)).rejects.toThrow(says);
  });

  it('says of dates that this run has none', async () => {
    await expect(render('{{ ds }}', { logicalDate: null })).rejects.toThrow(/"ds" is no name a template knows in this run/);
  });
});
