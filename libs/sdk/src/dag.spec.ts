import { dagDocumentSchema } from '@millrace/contracts';
import { describe, expect, it } from 'vitest';
import { Operator, branch, chain, cron, cronInterval, dag, defer, every, fail, group, param, secondsOf, sensor, shortCircuit, skip, task } from './index.js';
import type { Dag, Duration, TaskContext } from './index.js';
import { cronProblem } from './schedules/cron-expression.js';
import { instantText } from './dag/dates.js';

class Nothing extends Operator<void> {
  override execute(): void {}
}

/** `task ← upstream, …` of every task, sorted. */
function edges(d: Dag): string[] {
  return (d.toDocument().tasks ?? []).map((one) => `${one.taskId} ← ${[...(one.upstream ?? [])].sort().join(', ')}`).sort();
}

function contextWith(xcoms: Readonly<Record<string, unknown>>): TaskContext {
  return { ti: { xcomPull: async ({ taskIds }: { taskIds: string }) => xcoms[taskIds] ?? null } } as unknown as TaskContext;
}

describe('wiring', () => {
  it('goes left to right, through lists and groups', () => {
    const d = dag('wired', {}, () => {
      const [a, b, c, e] = ['a', 'b', 'c', 'e'].map((id) => new Nothing(id)) as [Nothing, Nothing, Nothing, Nothing];
      a.to([b, c]);
      e.after([b, c], { label: 'both' });
      const g = group('g', () => chain(new Nothing('first'), [new Nothing('left'), new Nothing('right')]));
      e.to(g).to(new Nothing('end'));
    });
    expect(edges(d)).toEqual(['a ← ', 'b ← a', 'c ← a', 'e ← b, c', 'end ← g.left, g.right', 'g.first ← e', 'g.left ← g.first', 'g.right ← g.first']);
    expect(d.toDocument()).toMatchObject({ groups: [{ groupId: 'g' }], edgeLabels: { b: { e: 'both' }, c: { e: 'both' } } });
  });

  it('follows the values of task functions, at any depth', async () => {
    const d = dag('flow', {}, () => {
      const extract = task('extract', () => [1, 2, 3]);
      const sum = task('sum', ({ lists, start }: { lists: number[][]; start: number }) => lists.flat().reduce((a, b) => a + b, start));
      const one = extract();
      sum({ lists: [one, extract(), [4]], start: 1 });
    });
    expect(edges(d)).toEqual(['extract ← ', 'extract__1 ← ', 'sum ← extract, extract__1']);
    const sum = d.tasks.get('sum')?.operator;
    expect(await sum?.execute(contextWith({ extract: [1], extract__1: [2] }))).toBe(8);
  });

  it('branches by task, short-circuits by condition', async () => {
    const d = dag('choices', {}, () => {
      const left = new Nothing('left');
      branch('choose', () => left)().to([left, new Nothing('right')]);
      shortCircuit({ id: 'go_on', skip: 'direct' }, () => false)();
    });
    expect(await d.tasks.get('choose')?.operator.execute(contextWith({}))).toEqual({ __millrace: 'branch', taskIds: ['left'] });
    expect(await d.tasks.get('go_on')?.operator.execute(contextWith({}))).toEqual({ __millrace: 'short_circuit', mode: 'direct' });
  });

  it('carries a chain of 20,000 tasks', () => {
    const d = dag('long', {}, () => {
      let last = new Nothing('t0');
      for (let i = 1; i < 20_000; i++) last = last.to(new Nothing(`t${i}`));
    });
    expect(d.toDocument().tasks).toHaveLength(20_000);
  });
});

describe('the document', () => {
  it('satisfies the schema and says where things stand', () => {
    const d = dag('full', {
      schedule: '@daily', timezone: 'Europe/Berlin', startDate: '2026-07-01', catchup: true, tags: ['x'], dagrunTimeout: '1h30m', maxActiveRuns: 2,
      params: { limit: param(10, { schema: { type: 'integer' } }), name: 'n' }, defaultArgs: { retries: 3, retryDelay: '10s', retryExponentialBackoff: true },
    }, () => {
      new Nothing('plain');
      new Nothing('own', { retries: 0, executionTimeout: 90, queue: 'big' });
    });
    const document = dagDocumentSchema.parse(JSON.parse(JSON.stringify(d.toDocument())));
    expect(document).toMatchObject({
      schedule: { kind: 'cron', expressions: ['0 0 * * *'], timezone: 'Europe/Berlin' }, startDate: '2026-06-30T22:00:00.000Z', dagrunTimeoutSeconds: 5_400,
      params: { limit: { value: 10, schema: { type: 'integer' } }, name: { value: 'n' } }, paramOrder: ['limit', 'name'],
      tasks: [{ taskId: 'plain', operator: 'Nothing', retries: 3, retryDelaySeconds: 10, retryExponentialBackoff: 2 }, { taskId: 'own', retries: 0, executionTimeoutSeconds: 90, queue: 'big' }],
    });
    expect(document.definedAt).toMatch(/dag\.spec\.ts:\d+:\d+$/);
    expect(document.tasks[0]?.definedAt).toMatch(/dag\.spec\.ts:\d+:\d+$/);
  });

  it('keeps the two forms of schedules apart', () => {
    expect(cron('0 6 * * *', { timezone: 'UTC' })).toEqual({ kind: 'cron', expressions: ['0 6 * * *'], timezone: 'UTC' });
    expect(cronInterval('@hourly', { timezone: 'UTC' })).toEqual({ kind: 'cronInterval', expression: '0 * * * *', timezone: 'UTC' });
    expect(every('15m')).toEqual({ kind: 'every', seconds: 900 });
  });

  it('names a template field that is not there', () => {
    class Odd extends Nothing {
      override readonly templateFields = ['missing'];
    }
    expect(() => dag('odd', {}, () => void new Odd('a')).toDocument()).toThrow(/task "a": templateFields names "missing", but Odd has no such property/);
  });
});

describe('an option there is not', () => {
  // Dag files are not type-checked when they are bundled: nobody else says it.
  it.each([
    ['of a dag', () => dag('typo', { owner: 'ada' } as object, () => {}), 'dag "typo" has no option "owner"; did you mean "owners"?'],
    ['of the defaults', () => dag('typo', { defaultArgs: { retires: 3 } as object }, () => {}), 'defaultArgs of dag "typo" has no option "retires"; did you mean "retries"?'],
    ['of a task', () => task({ id: 'a', executionTimeuot: '5m' } as { id: string }, () => 1), 'task "a" has no option "executionTimeuot"; did you mean "executionTimeout"?'],
    ['of a branch', () => branch({ id: 'a', skip: 'all' } as { id: string }, () => null), 'task "a" has no option "skip"; there are '],
    ['of a sensor', () => sensor({ id: 'a', pokeIntervall: '5s' } as { id: string }, () => true), 'sensor "a" has no option "pokeIntervall"; did you mean "pokeInterval"?'],
    ['given later', () => task('a', () => 1).with({ constructor: 1 } as object), 'task "a" has no option "constructor"; there are '],
  ])('%s is refused where it stands', (_, make, sentence) => {
    expect(make).toThrow(sentence);
  });

  it('is no trouble while it says nothing', () => {
    expect(() => dag('fine', { team: undefined, unheardOf: undefined } as object, () => void shortCircuit({ id: 'a', skip: 'direct' }, () => true)())).not.toThrow();
  });
});

describe('callbacks and deadlines', () => {
  it('stand in the document by what they are told of; the functions stay in the bundle', () => {
    const told = dag('told', {
      onFailure: () => {},
      defaultArgs: { retries: 2, onRetry: { notify() {} } },
      deadlines: [{ reference: 'queued', interval: '2h' }, { name: 'alive', reference: 'lastSuccess', interval: '1d', callback: [] }, { name: 'end', reference: 'fixed', at: '2026-12-24T12:00:00Z', callback: () => {} }],
    }, () => {
      task({ id: 'a', onSuccess: [() => {}] }, () => 1)();
    }).toDocument();
    expect(told.callbacks).toEqual(['failure']);
    expect(told.tasks?.[0]?.callbacks).toEqual(['success', 'retry']);
    expect(told.defaultArgs).toEqual({ retries: 2 });
    expect(told.deadlines).toEqual([
      { name: 'queued', reference: 'queued', intervalSeconds: 7_200 }, { name: 'alive', reference: 'lastSuccess', intervalSeconds: 86_400 },
      { name: 'end', reference: 'fixed', at: '2026-12-24T12:00:00.000Z', hasCallback: true },
    ]);
  });

  it('that cannot be are errors that name them', () => {
    const of = (options: object): (() => unknown) => () => dag(`d${Math.random()}`, options, () => void task('a', () => 1)()).toDocument();
    expect(of({ onFailure: 'page' })).toThrow(/onFailure must be a function, an object with notify\(context\)/);
    expect(of({ deadlines: [{ reference: 'queued', interval: '1h' }, { reference: 'queued', interval: '2h' }] })).toThrow(/two deadlines are called "queued"/);
    expect(of({ deadlines: [{ reference: 'fixed', at: 'tomorrow' }] })).toThrow(/deadline "fixed": at must be a Date/);
  });
});

describe('small languages', () => {
  it.each<[Duration, number]>([[5, 5], ['30s', 30], ['5m', 300], ['1h30m', 5_400], ['2d', 172_800], ['250ms', 0.25], ['90', 90]])('duration %s', (text, seconds) => {
    expect(secondsOf(text, 'it')).toBeCloseTo(seconds);
  });
  it.each(['', 'soon', '5 apples', '-5m', -1, Number.NaN])('no duration: %s', (text) => {
    expect(() => secondsOf(text, 'retryDelay')).toThrow(/^retryDelay must be seconds/);
  });
  it.each(['* * * * *', '*/5 0-6 1,15 JAN-MAR MON', '0 0 L * *', '0 0 * * 5L', '0 0 * * 2#1', '0 0 * * * 30', '@weekly', '@midnight'])('cron %s', (text) => {
    expect(cronProblem(text)).toBeNull();
  });
  it.each(['', '* * * *', '60 * * * *', '* 24 * * *', '* * 0 * *', '* * * 13 *', '* * * * 8', '*/0 * * * *', 'a * * * *', '1-2-3 * * * *', '@sometimes', '0 0 31 2 *', '0 0 31 4,jun *', '70 0 0 * * *'])('no cron: %s', (text) => {
    expect(cronProblem(text)).not.toBeNull();
  });
  it.each([
    ['2026-01-31', 'UTC', '2026-01-31T00:00:00.000Z'],
    ['2026-01-31T06:00:00+01:00', 'UTC', '2026-01-31T05:00:00.000Z'],
    ['2026-03-29 03:30', 'Europe/Berlin', '2026-03-29T01:30:00.000Z'],
    ['2026-01-01', 'America/New_York', '2026-01-01T05:00:00.000Z'],
  ])('%s in %s', (text, zone, utc) => {
    expect(instantText(text, zone, 'startDate')).toBe(utc);
  });
});

describe('control flow', () => {
  it('is told by a property, because bundles carry their own classes', () => {
    const thrown = (work: () => never): unknown => {
      try {
        return work();
      } catch (error) {
        return error;
      }
    };
    expect(thrown(() => skip())).toMatchObject({ millrace: 'skip' });
    expect(thrown(() => fail('no'))).toMatchObject({ millrace: 'fail', message: 'no' });
    expect(thrown(() => defer({ until: new Date(0), resume: { job: 1 }, correlationKey: 'k' }))).toMatchObject({ millrace: 'defer', resumeAt: '1970-01-01T00:00:00.000Z', resume: { job: 1 }, correlationKey: 'k' });
    expect(thrown(() => defer({}))).toBeInstanceOf(RangeError);
  });
});
