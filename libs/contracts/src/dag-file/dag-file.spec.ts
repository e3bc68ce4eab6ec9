import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { dagFileJsonSchema } from './dag-file-json-schema.js';
import { planDag } from './dag-plan.js';
import { operatorClass, operatorNames, shortOperatorName } from './operator-options.js';
import { readDagFile } from './read-dag-file.js';

const EMPTY = 'tasks: [{ id: a, operator: empty }]';

/** Each: the text, then `line:column path` and what is said of the first problem. */
const BAD: readonly (readonly [what: string, text: string, at: string, says: RegExp])[] = [
  ['nothing', '', '1:1 ', /the file is empty/],
  ['a list', '- 1', '1:1 ', /expected object, got a list/],
  ['no YAML', 'dag: [', '1:7 ', /no valid YAML/],
  ['a key twice', 'dag: a\ndag: b', '2:1 ', /keys must be unique/],
  ['two documents', `dag: a\n${EMPTY}\n---\ndag: b`, '3:1 ', /one dag a file/],
  ['an alias bomb', `dag: a\na: &a [x, x, x, x, x, x, x, x]\nb: &b [*a, *a, *a, *a, *a, *a, *a, *a]\nc: &c [*b, *b, *b, *b, *b, *b, *b, *b]\nd: &d [*c, *c, *c, *c, *c, *c, *c, *c]\ne: [*d, *d, *d, *d]`, '1:1 ', /alias/i],
  ['no id', EMPTY, '1:1 dag', /missing; expected a dag id/],
  ['an unusable id', `dag: a/b\n${EMPTY}`, '1:6 dag', /expected a dag id: letters.*got "a\/b"/],
  ['no tasks', 'dag: a', '1:1 tasks', /missing; expected a list of tasks/],
  ['an unknown name', `dag: a\nmaxActiveRun: 3\n${EMPTY}`, '2:1 maxActiveRun', /did you mean "maxActiveRuns"/],
  ['an unknown name of a task', 'dag: a\ntasks:\n  - id: x\n    operator: empty\n    depends_on: [y]', '5:5 tasks[0].depends_on', /did you mean "dependsOn"/],
  ['a wrong kind', 'dag: a\ntasks:\n  - id: x\n    operator: bash\n    options: { bashCommand: 5 }', '5:29 tasks[0].options.bashCommand', /expected the command, a text, got 5/],
  ['a missing option', 'dag: a\ntasks:\n  - { id: x, operator: bash }', '3:5 tasks[0].options.bashCommand', /missing; expected the command/],
  ['an unknown option', 'dag: a\ntasks:\n  - id: x\n    operator: bash\n    options:\n      bashCommand: x\n      bash_comand: y', '7:7 tasks[0].options.bash_comand', /did you mean "bashCommand"/],
  ['a wrong option of a sensor', 'dag: a\ntasks:\n  - id: x\n    operator: http_sensor\n    options:\n      url: /ready\n      notYetStatuses: [wait]', '7:24 tasks[0].options.notYetStatuses[0]', /expected an HTTP status, got "wait"/],
  ['a misspelt option of a client', 'dag: a\ntasks:\n  - id: x\n    operator: SqlOperator\n    options: { connectionId: dwh, sql: select 1, maxRow: 5 }', '5:50 tasks[0].options.maxRow', /did you mean "maxRows"/],
  ['nothing to write', 'dag: a\ntasks:\n  - id: x\n    operator: write_file\n    options: { path: /x }', '5:14 tasks[0].options.content', /missing/],
  ['a bad number', `dag: a\ndefaultArgs:\n  retries: -1\n${EMPTY}`, '3:12 defaultArgs.retries', /too small: expected number to be >=0/],
  ['a bad length of time', `dag: a\ndagrunTimeout: soon\n${EMPTY}`, '2:16 dagrunTimeout', /expected a length of time: .*got "soon"/],
  ['a bad schedule', `dag: a\nschedule: { cron: 5 }\n${EMPTY}`, '2:11 schedule', /expected a schedule: a cron text/],
  ['a bad trigger rule', 'dag: a\ntasks: [{ id: a, operator: empty, triggerRule: sometimes }]', '2:48 tasks[0].triggerRule', /expected a trigger rule: .*all_success.*got "sometimes"/],
  ['an id twice', 'dag: a\ntasks:\n  - { id: x, operator: empty }\n  - { id: x, operator: empty }', '4:11 tasks[1].id', /"x" is used twice/],
  ['a dependency that is not there', 'dag: a\ntasks:\n  - { id: extract, operator: empty }\n  - { id: y, operator: empty, dependsOn: [extrcat] }', '4:43 tasks[1].dependsOn[0]', /no task or group of this dag; did you mean "extract"/],
  ['an output that is not there', 'dag: a\ntasks:\n  - { id: y, operator: bash, expand: { bashCommand: { output: z } } }', '3:63 tasks[0].expand.bashCommand.output', /"z" is no task of this dag/],
  ['a cycle', 'dag: a\ntasks:\n  - { id: x, operator: empty, dependsOn: y }\n  - { id: y, operator: empty, dependsOn: x }', '3:5 tasks[0]', /has a cycle: "x" → "y" → "x"/],
  ['a cycle through a group', 'dag: a\ntasks:\n  - { id: x, operator: empty, dependsOn: g }\n  - { group: g, dependsOn: x, tasks: [{ id: y, operator: empty }] }', '3:5 tasks[0]', /has a cycle/],
  ['an empty group', 'dag: a\ntasks:\n  - { group: g, tasks: [] }', '3:24 tasks[0].tasks', /at least one task in a group/],
  ['neither task nor group', 'dag: a\ntasks:\n  - 5', '3:5 tasks[0]', /expected a task .* or a group/],
  ['a result of no task', `dag: a\nresultTask: b\n${EMPTY}`, '2:13 resultTask', /"b" is no task of this dag/],
];

describe('a dag file', () => {
  it.each(BAD)('that has %s is refused with path, place and expectation', (_, text, at, says) => {
    const reading = readDagFile(text);
    if (reading.ok) throw new Error('it was accepted');
    const [first] = reading.problems;
    expect(first?.message).toMatch(says);
    expect(`${first?.line}:${first?.column} ${first?.path}`).toBe(at);
  });

  it('tells all its problems at once, up to a limit', () => {
    const many = readDagFile(`dag: a\ntasks:\n${'  - { id: x, operator: empty, retries: -1 }\n'.repeat(80)}`);
    if (many.ok) throw new Error('it was accepted');
    expect(many.problems).toHaveLength(51);
    expect(many.problems.at(-1)?.message).toBe('and 30 more problems');
  });

  it('may be JSON with tabs, hold anchors, and names of the author that begin with x-', () => {
    expect(readDagFile('{\n\t"dag": "a",\n\t"tasks": [\n\t\t{ "id": "x", "operator": "empty" }\n\t]\n}').ok).toBe(true);
    const reading = readDagFile('dag: a\nx-common: &common { retries: 3 }\ntasks:\n  - { <<: *common, id: x, operator: empty }');
    expect(reading.ok && reading.file.tasks[0]).toMatchObject({ id: 'x', retries: 3 });
  });

  it('is planned with full ids, the arrows inside a group before those to it', () => {
    const reading = readDagFile('dag: a\ntasks:\n  - group: g\n    dependsOn: [{ task: first, label: go }]\n    tasks:\n      - { id: x, operator: empty }\n      - { id: y, operator: bash, dependsOn: x, expand: { bashCommand: { output: x } } }\n  - { id: first, operator: Own, from: ./own.js }');
    if (!reading.ok) throw new Error(JSON.stringify(reading.problems));
    const { plan, operators } = planDag(reading.file, 'a.dag.yaml', reading.placeOf);
    expect(plan.edges).toEqual([['g.x', 'g.y'], ['first', 'g', 'go']]);
    expect(plan.entries[0]).toMatchObject({ kind: 'group', at: [3, 5], entries: [{ id: 'x', at: [6, 9] }, { id: 'y', own: { bashCommand: '' }, expand: { bashCommand: { output: 'g.x' } } }] });
    expect(operators.map(({ name, from }) => [name, from])).toEqual([['empty', null], ['bash', null], ['Own of ./own.js', './own.js']]);
  });
});

describe('names of operators', () => {
  it.each([['BashOperator', 'bash'], ['AsyncHttpOperator', 'async_http'], ['ExternalTaskSensor', 'external_task_sensor'], ['HITLBranchOperator', 'hitl_branch'], ['TriggerDagRunOperator', 'trigger_dag_run']])('%s is %s', (name, short) => {
    expect(shortOperatorName(name)).toBe(short);
    expect([operatorClass(short), operatorClass(name)]).toEqual([name, name]);
  });

  it('branch and short circuit are those that need no function', () => {
    expect([operatorClass('branch'), operatorClass('ShortCircuitOperator')]).toEqual(['TemplateBranchOperator', 'TemplateShortCircuitOperator']);
    expect(operatorNames()).toEqual(expect.arrayContaining(['branch', 'BranchOperator', 'short_circuit']));
    expect(operatorClass('bahs')).toBeNull();
  });
});

describe('the published schema', () => {
  const schema = dagFileJsonSchema();

  it('is the committed one; if not, run: node libs/contracts/write-dag-file-schema.mjs', () => {
    expect(JSON.parse(readFileSync(new URL('../../dag-file.schema.json', import.meta.url), 'utf8'))).toEqual(JSON.parse(JSON.stringify(schema)));
  });

  const validate = new Ajv2020({ strict: false, allErrors: true }).compile(schema);

  it('accepts the example, with options and extensions', () => {
    const example: unknown = parse(readFileSync(new URL('../../../../examples/dags/example_yaml.dag.yaml', import.meta.url), 'utf8'));
    expect([validate(example), validate.errors]).toEqual([true, null]);
    expect(validate({ dag: 'a', 'x-own': 1, tasks: [{ id: 'x', operator: 'Own', from: './own.js', options: { anything: 1 } }] })).toBe(true);
  });

  // Ids used twice, cycles and names that are not there are what no schema can say.
  it.each(BAD.filter(([what]) => ['no id', 'an unusable id', 'no tasks', 'an unknown name', 'an unknown name of a task', 'a wrong kind', 'an unknown option', 'a bad number', 'a bad schedule', 'a bad trigger rule', 'an empty group', 'neither task nor group'].includes(what)))('refuses %s too', (_, text) => {
    expect(validate(parse(text))).toBe(false);
  });
});
