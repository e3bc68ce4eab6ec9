import { Operator, Sensor, ask, asset, branch, dag, defer, fail, group, loop, param, plugin, sensor, skip, task, ExternalOperator } from '@millrace/sdk';
import type { Submitted, TaskContext } from '@millrace/sdk';
import { describe, expect, it } from 'vitest';
import { runDag } from './index.js';

class ShoutOperator extends Operator<string> {
  override readonly templateFields = ['text'];
  constructor(id: string, readonly text: string) {
    super(id);
  }
  override execute(): string {
    return this.text.toUpperCase();
  }
}

describe('a run of a dag in a test', () => {
  it('hands values on, renders templates, and tells states and XComs', async () => {
    const hello = dag('hello', { params: { name: 'world' } }, () => {
      const greet = task('greet', (_, { params, log }) => {
        log.info(`greeting ${String(params['name'])}`);
        return { text: `hello ${String(params['name'])}` };
      });
      greet().to(new ShoutOperator('shout', "{{ ti.xcom_pull(task_ids='greet').text }} on {{ ds }} by {{ conn.chat.login }} for {{ var.value.team }}"));
    });
    const run = await runDag(hello, { conf: { name: 'Ada' }, logicalDate: '2026-03-04', connections: { chat: { connType: 'http', login: 'bot', password: 'hidden-secret' } }, variables: { team: 'data' } });
    expect(run.states).toEqual({ greet: 'success', shout: 'success' });
    expect(run.xcom('shout')).toBe('HELLO ADA ON 2026-03-04 BY BOT FOR DATA');
    expect(run.rendered('shout')).toEqual({ text: 'hello Ada on 2026-03-04 by bot for data' });
    expect(run.task('greet').log).toEqual(['greeting Ada']);
    expect(run.state).toBe('success');
    expect(run.durationSeconds).toBe(0);
  });

  it('waits for retries by its own clock, and counts tries as the scheduler does', async () => {
    const flaky = dag('flaky', {}, () => {
      task({ id: 'load', retries: 2, retryDelay: '10m', retryExponentialBackoff: true }, (_, { tryNumber }) => {
        if (tryNumber < 3) throw new Error(`down ${tryNumber}`);
        return tryNumber;
      })();
    });
    const run = await runDag(flaky);
    expect(run.task('load')).toMatchObject({ state: 'success', tryNumber: 3, returnValue: 3 });
    expect(run.task('load').tries.map(({ state, error }) => [state, error])).toEqual([['failed', 'Error: down 1'], ['failed', 'Error: down 2'], ['success', '']]);
    expect(run.durationSeconds).toBeGreaterThanOrEqual(1_800);
    expect(run.order).toEqual(['load', 'load#2', 'load#3']);
  });

  it('takes the outcomes that are chosen, try by try, without running the code', async () => {
    const pipe = dag('pipe', {}, () => {
      const extract = task({ id: 'extract', retries: 1 }, (): number[] => fail('never runs'));
      const load = task('load', (rows: number[]) => rows.length);
      const audit = task({ id: 'audit', triggerRule: 'one_failed' }, () => 'audited');
      const loaded = load(extract());
      loaded.to(audit());
    });
    const well = await runDag(pipe, { outcomes: { extract: [{ fails: 'first' }, { returns: [1, 2, 3] }] } });
    expect(well.states).toEqual({ extract: 'success', load: 'success', audit: 'skipped' });
    expect(well.xcom('load')).toBe(3);
    const badly = await runDag(pipe, { outcomes: { extract: { returns: [] }, load: 'failed' } });
    expect(badly.states).toEqual({ extract: 'success', load: 'failed', audit: 'success' });
    expect((await runDag(pipe, { outcomes: { extract: 'skipped' } })).states).toEqual({ extract: 'skipped', load: 'skipped', audit: 'skipped' });
    expect((await runDag(pipe, { outcomes: { extract: { fails: 'x', forGood: true } } })).task('extract')).toMatchObject({ state: 'failed', tryNumber: 1 });
    expect(String(badly)).toContain('load');
  });

  it('maps tasks over results, nested in groups', async () => {
    const mapped = dag('mapped', {}, () => {
      const list = task('list', () => ['a', 'b', 'c']);
      const shout = task({ id: 'shout', mapIndexTemplate: 'letter {{ task.input.letter }}' }, ({ letter }: { letter: string }) => letter.toUpperCase());
      const join = task('join', async (all: AsyncIterable<string>) => {
        let text = '';
        for await (const one of all) text += one;
        return text;
      });
      join(shout.expand({ letter: list() }) as never);
      const each = group.expand('each', { n: [1, 2] }, ({ n }) => {
        const double = task('double', (x: number) => x * 2);
        const inc = task('inc', (x: number) => x + 1);
        return inc(double(n));
      });
      task('sum', async (values: { toArray(): Promise<number[]> }) => (await values.toArray()).reduce((a, b) => a + b, 0))(each.value as never);
    });
    const run = await runDag(mapped, { outcomes: { 'shout[1]': { returns: 'x' } } });
    expect(run.states).toMatchObject({ list: 'success', 'shout[0]': 'success', 'shout[1]': 'success', 'shout[2]': 'success', 'each.double[0]': 'success', 'each.inc[1]': 'success', sum: 'success' });
    expect(run.xcom('join')).toBe('AxC');
    expect(run.xcom('shout')).toEqual(['A', 'x', 'C']);
    expect(run.xcom('sum')).toBe(8);
    expect(run.task('shout', 0).indexName).toBe('letter a');
    expect((await runDag(mapped, { outcomes: { list: { returns: [] } } })).states).toMatchObject({ shout: 'skipped', join: 'skipped' });
  });

  it('branches and repeats', async () => {
    const choosing = dag('choosing', {}, () => {
      const left = task('left', () => 1)();
      const right = task('right', () => 2)();
      branch('choose', (_, { conf }) => (conf['go'] === 'left' ? left : right))().to([left, right]);
      const count = loop('count', { max: 5, until: (n: number) => n >= 3 }, ({ index }) => task('step', (i: number) => i + 1)(index));
      task('done', (n: number) => n)(count.value);
    });
    const run = await runDag(choosing, { conf: { go: 'left' } });
    expect(run.states).toMatchObject({ left: 'success', right: 'skipped', 'count.step[2]': 'success', done: 'success' });
    expect(run.xcom('done')).toBe(3);
    expect((await runDag(choosing, { outcomes: { choose: { chooses: 'right' } } })).states).toMatchObject({ left: 'skipped', right: 'success' });
  });

  it('lets sensors and deferred tasks wait by its own clock', async () => {
    let looks = 0;
    class Wait extends Sensor {
      override poke({ nowMs }: TaskContext): boolean {
        looks++;
        return nowMs >= Date.parse('2026-01-01T02:00:00Z');
      }
    }
    const waiting = dag('waiting', {}, () => {
      new Wait('poke', { mode: 'poke', pokeInterval: '30m' }).to(new Wait('reschedule', { mode: 'reschedule' }));
      sensor({ id: 'deferred', mode: 'deferred', pokeInterval: '1h', timeout: '90m' }, () => false)();
      task('event', (_, { resume, resumedBy }) => (resume === null ? defer({ correlationKey: 'job-7', resume: { job: 7 } }) : { resume, by: resumedBy }))();
      task({ id: 'late', executionTimeout: '5m' }, () => new Promise(() => {}))();
    });
    const run = await runDag(waiting, { events: { 'job-7': { after: '20m', payload: { rows: 3 } } }, outcomes: { late: { returns: 1, takes: '1h' } } });
    expect(run.states).toEqual({ poke: 'success', reschedule: 'success', deferred: 'failed', event: 'success', late: 'failed' });
    expect(run.xcom('event')).toEqual({ resume: { job: 7 }, by: { by: 'event', payload: { rows: 3 } } });
    expect(run.task('late').tries[0]?.error).toContain('timed out after 300 s');
    expect(run.durationSeconds).toBe(7_200);
    expect(looks).toBe(6);
  });

  it('answers for people, platforms and other dags', async () => {
    class Spark extends ExternalOperator<{ rows: number }> {
      override submit(): Promise<Submitted> {
        return Promise.resolve({ externalId: 'app-1' });
      }
    }
    const asking = dag('asking', {}, () => {
      const approve = task('approve', async (_, context) => {
        const answer = await context.answer();
        return answer === null ? ask({ subject: 'Load?', options: ['Yes', 'No'] }) : answer.chosenOptions;
      });
      const trigger = task('trigger', async (_, { otherRuns }) => (await otherRuns.trigger({ dagId: 'other', conf: { x: 1 } })).state);
      approve().to(new Spark('spark', { retries: 1, retryDelay: '1m' })).to(trigger());
    });
    const options = { answers: { approve: { chosenOptions: ['Yes'], after: '3h' } }, platform: { spark: [{ state: 'running', progress: 0.5 }, { state: 'success', after: '10m', result: { rows: 9 } }] } } as const;
    const run = await runDag(asking, options);
    expect(run.states).toEqual({ approve: 'success', spark: 'success', trigger: 'success' });
    expect(run.xcom('approve')).toEqual(['Yes']);
    expect(run.xcom('spark')).toEqual({ rows: 9 });
    expect(run.triggered).toMatchObject([{ dagId: 'other', conf: { x: 1 } }]);
    expect(run.durationSeconds).toBe(3 * 3_600 + 600);
    const failing = await runDag(asking, { answers: { approve: 'No' }, platform: { spark: { state: 'failed', reason: 'no memory' } } });
    expect(failing.task('spark')).toMatchObject({ state: 'failed', tryNumber: 2 });
    expect(failing.task('spark').tries[0]?.error).toBe('ExternalTaskFailed: no memory');
    await expect(runDag(asking)).rejects.toThrow('"approve" waits for the answer of a person: give it with answers: { "approve": … }');
    await expect(runDag(asking, { answers: { approve: 'Yes' } })).rejects.toThrow('"spark" waits for what a platform reports');
  });

  it('tells callbacks, assets and what is kept', async () => {
    const told: string[] = [];
    const flights = asset('flights', { uri: 's3://flights' });
    const keeping = dag('keeping', { onSuccess: ({ runId }) => told.push(`run ${runId}`) }, () => {
      task({ id: 'load', outlets: [flights], onSuccess: ({ taskId, callback }) => told.push(`${taskId} ${callback.on}`) }, async (_, { state, outletEvents }) => {
        outletEvents(flights).extra['rows'] = 5;
        return state.update<number>('seen', (seen) => (seen ?? 0) + 1);
      })();
    });
    const run = await runDag(keeping, { state: { load: { seen: 41 } } });
    expect(run.xcom('load')).toBe(42);
    expect(run.storedState).toEqual({ load: { seen: 42 } });
    expect(run.assetEvents).toEqual([{ asset: 'flights', uri: 's3://flights', extra: { rows: 5 }, aliases: [], partitionKey: null }]);
    expect(told).toEqual(['load success', `run ${run.runId}`]);
    expect(run.callbacks).toHaveLength(2);
  });

  it('retries runs, stops at fail fast and at time-outs of the run', async () => {
    const again = dag('again', { runRetries: 1, runRetryDelay: '1h' }, () => {
      task('once', (_, { tryNumber }) => (tryNumber === 1 ? skip() : 1))().to(task('down', (_, { tryNumber }) => (tryNumber === 1 ? fail('x') : tryNumber), )());
    });
    expect((await runDag(again, { outcomes: { once: 'success' } })).task('down')).toMatchObject({ state: 'success', tryNumber: 2 });
    const slow = dag('slow', { dagrunTimeout: '30m' }, () => {
      task('a', () => 1)();
    });
    const run = await runDag(slow, { outcomes: { a: { returns: 1, takes: '2h' } } });
    expect(run).toMatchObject({ state: 'failed', reason: 'the run timed out after 1800 s', durationSeconds: 1_800 });
    const past = dag('past', { defaultArgs: { dependsOnPast: true, pool: 'small', poolSlots: 2 } }, () => {
      task('a', () => 1)();
    });
    expect((await runDag(past)).states).toEqual({ a: 'success' });
  });
});

it('gives the dag the listeners, links and macros of plugins', async () => {
  const heard: string[] = [];
  const audit = plugin('audit', {
    macros: { shout: (text: string) => text.toUpperCase(), sign: '!' },
    links: [{ name: 'Docs', operators: [ShoutOperator], url: (_, operator) => `https://docs.example/${operator.taskId}` }, { name: 'Bad', operators: ['ShoutOperator'], url: () => 'javascript:alert(1)' }],
    listeners: [
      { onTaskRunning: ({ taskId }) => heard.push(`${taskId} runs`), onTaskSuccess: ({ taskId }) => heard.push(`${taskId} well`), onTaskFailed: ({ taskId }) => heard.push(`${taskId} failed`) },
      { onRunFailed: ({ dagId }) => heard.push(`${dagId} failed`), onTaskSuccess: () => { throw new Error('mine'); } },
      { onRunFailed: () => heard.push('never'), dags: ['another'] },
    ],
  });
  const plugged = dag('plugged', { defaultArgs: { onSuccess: ({ taskId }) => heard.push(`own ${taskId}`) } }, () => {
    new ShoutOperator('shout', '{{ macros.audit.shout(ds) }}{{ macros.audit.sign }}').to(task('down', () => fail('x'))());
  });
  const run = await runDag(plugged, { plugins: [audit] });
  expect(run.states).toEqual({ shout: 'success', down: 'failed' });
  expect(run.xcom('shout')).toBe('2026-01-01!');
  expect(run.task('shout').xcoms).toMatchObject({ _link_Docs: 'https://docs.example/shout' });
  expect(Object.keys(run.task('shout').xcoms)).toHaveLength(2);
  expect([...heard].sort()).toEqual(['down failed', 'down runs', 'own shout', 'plugged failed', 'shout runs', 'shout well']);
  expect(run.callbacks.every(({ error }) => error === null)).toBe(true);
  expect(run.task('shout').log.join()).toContain('Listener onTaskSuccess of plugin "audit" failed: Error: mine');
  heard.length = 0;
  await runDag(plugged, { plugins: [audit], outcomes: { down: 'success' } });
  expect(heard.filter((what) => what === 'shout runs')).toHaveLength(1);
});

describe('what cannot be', () => {
  const plain = dag('plain', { params: { limit: param(1, { schema: { type: 'integer', minimum: 1 } }) } }, () => {
    task('a', (_, { conf }): unknown => (conf['big'] === true ? 10n : conf['fn'] === true ? { deep: [() => 1] } : conf['circle'] === true ? circle() : 1))();
  });

  it('says what an XCom cannot carry, with its path', async () => {
    expect((await runDag(plain, { conf: { big: true } })).task('a').tries[0]?.error).toBe('TypeError: XCom return_value is a bigint, which JSON cannot hold: use a number or a string');
    expect((await runDag(plain, { conf: { fn: true } })).task('a').tries[0]?.error).toContain('XCom return_value.deep[0] is a function');
    expect((await runDag(plain, { conf: { circle: true } })).task('a').tries[0]?.error).toContain('XCom return_value.self refers to an object that contains it');
  });

  it.each([
    ['an outcome for no task', { outcomes: { b: 'success' } }, 'outcomes names "b", but the dag has no such task; it has "a"'],
    ['an outcome that is none', { outcomes: { a: 'fine' } }, 'outcomes["a"] is "fine"; use'],
    ['a task that is not there', { tasks: ['x'] }, 'tasks names "x"'],
    ['a param against its schema', { conf: { limit: 0 } }, 'param "limit" of dag "plain" is not valid: limit must be >= 1'],
    ['a time that is none', { logicalDate: 'soon' }, 'logicalDate is no time: "soon"'],
  ])('refuses %s', async (_, options, message) => {
    await expect(runDag(plain, options as object)).rejects.toThrow(message);
  });

  it('names the instances there are', async () => {
    const run = await runDag(plain);
    expect(() => run.task('b')).toThrow('the run has no task "b"; it has a');
    await expect(runDag({} as never)).rejects.toThrow('runDag needs what dag(…) returned');
  });

  it('names the field of a template with an unknown name', async () => {
    const wrong = dag('wrong', {}, () => {
      new ShoutOperator('shout', '{{ nobody.knows }}');
    });
    expect((await runDag(wrong)).task('shout').tries[0]?.error).toContain('template field "text" of task "shout" could not be rendered');
  });
});

function circle(): object {
  const made: { self?: object } = {};
  made.self = made;
  return made;
}
