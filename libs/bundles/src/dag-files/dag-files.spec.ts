import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { processFolderOnce } from '../index.js';
import type { FileOutcome } from '../index.js';

/** What only building the dag tells; what a look at the text tells is tested in libs/contracts. Each: the file, `line:column`, what is said. */
const BAD: Readonly<Record<string, readonly [text: string, at: string, says: RegExp]>> = {
  'syntax.dag.yaml': ['dag: syntax\ntasks:\n  - { id: a, operator: bash, options: { bashCommand: 5 } }', '3:54', /tasks\[0\]\.options\.bashCommand: expected the command, a text, got 5/],
  'cron.dag.yml': ['dag: cron\nschedule: "61 * * * *"\ntasks: [{ id: a, operator: empty }]', '2:11', /schedule of dag "cron": bad cron expression.*61 is not between 0 and 59/],
  'zone.dag.yaml': ['dag: zone\ntimezone: Mars/Base\ntasks: [{ id: a, operator: empty }]', '1:6', /unknown time zone "Mars\/Base"/],
  'operator.dag.json': ['{\n  "dag": "operator",\n  "tasks": [{ "id": "a", "operator": "bahs" }]\n}', '3:38', /tasks\[0\]\.operator: "bahs" is no built-in operator; did you mean "bash"/],
  'class.dag.yaml': ['dag: class\ntasks: [{ id: a, operator: BashOprator }]', '2:28', /did you mean "BashOperator"/],
  'module.dag.yaml': ['dag: module\ntasks: [{ id: a, operator: Plus, from: plugins/nothing.js }]', '2:40', /tasks\[0\]\.from: Could not resolve "plugins\/nothing\.js"/],
  'export.dag.yaml': ['dag: export\ntasks: [{ id: a, operator: Nothing, from: ./own/plus.js }]', '2:43', /No matching export .*"Nothing"/],
  'no-operator.dag.yaml': ['dag: no_operator\ntasks: [{ id: a, operator: none, from: ./own/plus.js }]', '2:9', /none of \.\/own\/plus\.js is no operator/],
  'relative.dag.yaml': ['dag: relative\ntasks: [{ id: a, operator: Plus, from: ./own/nothing.js }]', '2:40', /tasks\[0\].from: no such file below the dags folder/],
  'outside.dag.yaml': ['dag: outside\ntasks: [{ id: a, operator: Plus, from: ../../plus.js }]', '2:40', /outside of the dags folder/],
  'constructor.dag.yaml': ['dag: constructor\ntasks:\n  - { id: a, operator: python, options: { pythonCode: x, functionName: 1x } }', '3:5', /task "a": functionName must be a Python name, got "1x"/],
  'mapped.dag.yaml': ['dag: mapped\ntasks:\n  - { id: a, operator: PlusOperator, from: ./own/plus.js, expand: { nothing: [1] } }', '3:5', /expand names "nothing", but PlusOperator has no such property/],
};

const PLUS = `import { Operator } from '@millrace/sdk';
export const none = 5;
export class PlusOperator extends Operator<number> {
  readonly a: number;
  constructor(id: string, options: { a: number }) {
    super(id, options);
    this.a = options.a;
  }
  override execute(): number {
    return this.a + 1;
  }
}
`;

const GOOD = `dag: good
schedule: { cron: "0 6 * * *", timezone: Europe/Berlin }
startDate: "2026-01-01"
params: { limit: { value: 10, schema: { type: integer } }, name: ada }
defaultArgs: { retries: 2, retryDelay: 30s }
tasks:
  - { id: list, operator: python, pool: small, options: { pythonCode: "def main(): return ['echo 1']" } }
  - { id: each, operator: bash, expand: { bashCommand: { output: list } } }
  - { id: choose, operator: branch, dependsOn: each, options: { choose: "{{ 'clean' }}" } }
  - group: clean
    dependsOn: [{ task: choose, label: big }]
    tasks:
      - { id: dedupe, operator: empty }
      - { id: normalise, operator: EmptyOperator, dependsOn: dedupe }
  - { id: plus, operator: PlusOperator, from: ./own/plus.js, options: { a: 2 }, dependsOn: clean, triggerRule: all_done, outlets: ["s3://bucket/x"] }
`;

let home: string;
let outcomes: ReadonlyMap<string, FileOutcome>;
beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'millrace-dag-files-'));
  const files = { ...Object.fromEntries(Object.entries(BAD).map(([name, [text]]) => [name, text])), 'sub/good.dag.yaml': GOOD, 'sub/own/plus.ts': PLUS, 'own/plus.ts': PLUS, '_draft.dag.yaml': 'nothing', 'settings.yaml': 'nothing' };
  for (const [name, text] of Object.entries(files)) {
    const file = join(home, name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
    const at = new Date(Date.now() - 60_000);
    utimesSync(file, at, at);
  }
  outcomes = new Map((await processFolderOnce({ path: home, timeoutMs: 60_000 })).map((outcome) => [outcome.path, outcome]));
}, 120_000);
afterAll(() => rmSync(home, { recursive: true, force: true }));

describe('dag files of data', () => {
  it('are found by their names', () => expect([...outcomes.keys()].sort()).toEqual([...Object.keys(BAD), 'sub/good.dag.yaml'].sort()));

  it.each(Object.entries(BAD))('%s is refused at its place', (name, [, at, says]) => {
    const result = outcomes.get(name)?.result;
    if (result?.ok !== false) throw new Error('it was accepted');
    expect(result.failure.text).toMatch(says);
    expect(`${result.failure.file}:${result.failure.line}:${result.failure.column}`).toBe(`${name}:${at}`);
    expect(result.failure.text).toContain(`> ${result.failure.line} | `);
    expect(result.failure.text, 'nothing of this machine').not.toContain(home);
  });

  it('make the same documents as code does', () => {
    const outcome = outcomes.get('sub/good.dag.yaml');
    if (outcome?.result.ok !== true) throw new Error(outcome?.result.failure.text);
    const [document] = outcome.result.documents;
    expect(document).toMatchObject({
      dagId: 'good', definedAt: 'sub/good.dag.yaml:1', startDate: '2026-01-01T00:00:00.000Z', schedule: { kind: 'cron', expressions: ['0 6 * * *'], timezone: 'Europe/Berlin' },
      params: { limit: { value: 10, schema: { type: 'integer' } }, name: { value: 'ada' } }, groups: [{ groupId: 'clean' }], edgeLabels: { choose: { 'clean.dedupe': 'big' } },
    });
    expect(document?.tasks.map((task) => [task.taskId, task.operator, task.upstream, task.retries, task.definedAt])).toEqual([
      ['list', 'PythonOperator', [], 2, 'sub/good.dag.yaml:7'],
      ['each', 'BashOperator', ['list'], 2, 'sub/good.dag.yaml:8'],
      ['choose', 'BranchOperator', ['each'], 2, 'sub/good.dag.yaml:9'],
      ['clean.dedupe', 'EmptyOperator', ['choose'], 2, 'sub/good.dag.yaml:13'],
      ['clean.normalise', 'EmptyOperator', ['clean.dedupe'], 2, 'sub/good.dag.yaml:14'],
      ['plus', 'PlusOperator', ['clean.normalise'], 2, 'sub/good.dag.yaml:15'],
    ]);
    expect(document?.tasks[1]?.expand).toEqual({ kind: 'args', args: [{ name: 'bashCommand', over: { from: 'task', taskId: 'list', key: 'return_value' } }] });
    expect(document?.tasks[0]?.pool).toBe('small');
    expect(document?.tasks[5]?.outlets).toMatchObject([{ uri: 's3://bucket/x' }]);
    expect(outcome.source).toBe(GOOD);
  });
});
