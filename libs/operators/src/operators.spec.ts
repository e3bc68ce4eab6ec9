import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dag } from '@millrace/sdk';
import type { Operator, TaskContext } from '@millrace/sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BashOperator, BranchOperator, EmptyOperator, LatestOnlyOperator, PythonOperator, ShortCircuitOperator } from './index.js';

let folder: string;
beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), 'millrace-operators-'))));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Ran {
  readonly result: unknown;
  readonly error: (Error & { millrace?: string }) | null;
  readonly log: readonly string[];
}

async function run(make: () => Operator, more: Partial<TaskContext> = {}): Promise<Ran> {
  const log: string[] = [];
  const keep = (line: unknown): void => void log.push(String(line));
  let operator: Operator | undefined;
  dag('test', {}, () => void (operator = make()));
  const context = { dagId: 'test', taskId: 't', runId: 'r', tryNumber: 1, attemptId: 'a-1', logicalDate: null, scratchDir: folder, signal: new AbortController().signal, params: {}, log: { debug: keep, info: keep, warn: keep, error: keep }, ...more } as unknown as TaskContext;
  try {
    return { result: await operator?.execute(context), error: null, log };
  } catch (error) {
    return { result: undefined, error: error as Error, log };
  }
}

const bash = (bashCommand: string, more: Partial<ConstructorParameters<typeof BashOperator>[1]> = {}) => () => new BashOperator('t', { bashCommand, ...more });

describe('BashOperator', () => {
  it('returns the last line of stdout and logs all lines of both streams', async () => {
    const ran = await run(bash('echo one; echo two >&2; printf three'));
    expect(ran.result).toBe('three');
    expect(ran.log).toEqual(expect.arrayContaining(['one', 'two', 'three']));
  });

  it.each<[command: string, says: RegExp, millrace: string | undefined]>([
    ['exit 99', /exit code 99. Skipping/, 'skip'],
    ['exit 3', /non-zero exit code 3/, undefined],
    ['kill -9 $$', /ended by SIGKILL/, undefined],
  ])('%s', async (command, says, millrace) => {
    const { error } = await run(bash(command));
    expect(error?.message).toMatch(says);
    expect(error?.millrace).toBe(millrace);
  });

  it('replaces the environment, or adds to it', async () => {
    process.env['OPERATORS_SPEC'] = 'outer';
    expect((await run(bash('echo "$OPERATORS_SPEC-$A-$AIRFLOW_CTX_TASK_ID"', { env: { A: 'a' } }))).result).toBe('-a-t');
    expect((await run(bash('echo "$OPERATORS_SPEC-$A"', { env: { A: 'a' }, appendEnv: true }))).result).toBe('outer-a');
    delete process.env['OPERATORS_SPEC'];
  });

  it('runs in cwd, and says when there is none', async () => {
    expect((await run(bash('pwd', { cwd: '/' }))).result).toBe('/');
    expect((await run(bash('pwd', { cwd: '/no/such/folder' }))).error?.message).toMatch(/Can not find the cwd: \/no\/such\/folder/);
  });

  it('ends the whole process tree when stopped, also one that ignores SIGTERM', async () => {
    const aborter = new AbortController();
    let child = 0;
    const ran = await run(bash("trap '' TERM; (trap '' TERM; echo child $BASHPID; sleep 60) & wait", { killGraceMs: 100 }), {
      signal: aborter.signal,
      log: { debug() {}, warn() {}, error() {}, info: (line: unknown) => {
        const found = /^child (\d+)/.exec(String(line));
        if (found === null) return;
        child = Number(found[1]);
        aborter.abort(new Error('stopped by test'));
      } },
    });
    expect(ran.error?.message).toBe('stopped by test');
    // Killed at once; whoever inherited it reads its end a moment later.
    while (isThere(child)) await new Promise((resolve) => setImmediate(resolve));
  });

  it('does not wait for what a command left in the background', async () => {
    expect((await run(bash('sleep 60 & echo done'))).result).toBe('done');
  });

  it('passes on a line that never ends in pieces', async () => {
    const ran = await run(bash("head -c 200000 /dev/zero | tr '\\0' x"));
    expect(ran.log.filter((line) => line.startsWith('xxx')).join('')).toHaveLength(200_000);
    expect(ran.log.filter((line) => line.startsWith('xxx')).length).toBeGreaterThan(1);
  });

  it('names its fields for templates', () => {
    dag('fields', {}, (d) => {
      const made = bash('echo {{ ds }}', { env: { A: '{{ ts }}' } })();
      expect(d.toDocument().tasks?.[0]).toMatchObject({ operator: 'BashOperator', templateFields: ['bashCommand', 'env', 'cwd'], fields: { bashCommand: 'echo {{ ds }}', env: { A: '{{ ts }}' } } });
      expect(made.templateFields.every((field) => field in made)).toBe(true);
    });
  });
});

const python = (options: ConstructorParameters<typeof PythonOperator>[1]) => () => new PythonOperator('t', options);

describe('PythonOperator', () => {
  it('calls a function with JSON and returns JSON; prints go to the log', async () => {
    const ran = await run(python({ pythonCode: 'def main(a, b, *, scale):\n    print("adding", a)\n    return {"sum": (a + b) * scale, "text": "ä"}', opArgs: [1, 2], opKwargs: { scale: 10 } }));
    expect(ran).toMatchObject({ result: { sum: 30, text: 'ä' }, error: null });
    expect(ran.log).toContain('adding 1');
  });

  it('runs a script file', async () => {
    const script = join(folder, 'job.py');
    writeFileSync(script, 'def work(n):\n    return list(range(n))\n');
    expect((await run(python({ script, functionName: 'work', opArgs: [3] }))).result).toEqual([0, 1, 2]);
  });

  it('logs the traceback with the line of the author, and fails with the error', async () => {
    const ran = await run(python({ pythonCode: 'def main():\n    x = 1\n    return x / 0' }));
    expect(ran.error?.message).toBe('main failed: ZeroDivisionError: division by zero');
    expect(ran.log.join('\n')).toMatch(/File "<pythonCode>", line 3, in main\n\s+return x \/ 0/);
  });

  it.each<[code: string, says: RegExp, millrace: string | undefined]>([
    ['def main():\n    return {1, 2}', /cannot be kept as XCom, which is JSON/, undefined],
    ['def other():\n    pass', /defines no function 'main'/, undefined],
    ['def main(:', /SyntaxError/, undefined],
    ['import sys\ndef main():\n    sys.exit(99)', /Skipping/, 'skip'],
    ['import sys\ndef main():\n    sys.exit(4)', /exited with 4/, undefined],
  ])('%j', async (pythonCode, says, millrace) => {
    const { error } = await run(python({ pythonCode }));
    expect(error?.message).toMatch(says);
    expect(error?.millrace).toBe(millrace);
  });

  it('runs in a virtual environment with packages of its own, made once', async () => {
    // A package without a build and without a registry: a wheel is a zip of its modules and what it says of itself.
    const wheel = join(folder, 'greeting-1.0-py3-none-any.whl');
    const script = `import zipfile\nwith zipfile.ZipFile(${JSON.stringify(wheel)}, "w") as z:\n    z.writestr("greeting.py", "def hello(name):\\n    return 'hello ' + name\\n")\n    z.writestr("greeting-1.0.dist-info/METADATA", "Metadata-Version: 2.1\\nName: greeting\\nVersion: 1.0\\n")\n    z.writestr("greeting-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\\nGenerator: spec\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")\n    z.writestr("greeting-1.0.dist-info/RECORD", "greeting.py,,\\ngreeting-1.0.dist-info/METADATA,,\\ngreeting-1.0.dist-info/WHEEL,,\\ngreeting-1.0.dist-info/RECORD,,\\n")\n`;
    expect(spawnSync('python3', ['-c', script], { encoding: 'utf8' })).toMatchObject({ status: 0, stderr: '' });
    const before = process.env['MILLRACE_HOME'];
    process.env['MILLRACE_HOME'] = join(folder, 'home');
    try {
      const greet = python({ pythonCode: 'import greeting, sys\ndef main(name):\n    return [greeting.hello(name), sys.prefix != sys.base_prefix]', opArgs: ['ada'], requirements: [wheel], pipOptions: ['--no-index'] });
      const [first, second] = await Promise.all([run(greet), run(greet)]);
      // Debian has ensurepip in a package of its own.
      if (spawnSync('python3', ['-c', 'import ensurepip']).status !== 0) expect(first?.error?.message).toMatch(/python3-venv/);
      else expect([first?.error, second?.error, first?.result, second?.result]).toEqual([null, null, ['hello ada', true], ['hello ada', true]]);
      expect([first, second].flatMap((ran) => ran?.log ?? []).filter((line) => line.startsWith('Making a virtual environment')).length).toBe(first?.error === null ? 1 : 2);
      // An interpreter whose environments cannot install anything, and one that cannot make any.
      const refusing = join(folder, 'refusing-python');
      writeFileSync(refusing, '#!/bin/sh\nfor last; do :; done\nmkdir -p "$last/bin"\nprintf \'#!/bin/sh\\necho "No matching distribution found for x" >&2\\nexit 1\\n\' > "$last/bin/python"\nchmod +x "$last/bin/python"\n', { mode: 0o755 });
      expect((await run(python({ pythonCode: 'def main(): pass', python: refusing, requirements: ['x'] }))).error?.message).toBe('pip could not install the requirements: No matching distribution found for x');
      const without = join(folder, 'python-without-venv');
      writeFileSync(without, '#!/bin/sh\necho "ensurepip is not available" >&2\nexit 1\n', { mode: 0o755 });
      expect((await run(python({ pythonCode: 'def main(): pass', python: without, requirements: ['x'] }))).error?.message).toMatch(/needs the package python3-venv: ensurepip is not available/);
    } finally {
      if (before === undefined) delete process.env['MILLRACE_HOME'];
      else process.env['MILLRACE_HOME'] = before;
    }
  }, 120_000);

  it('says when Python is missing', async () => {
    expect((await run(python({ pythonCode: 'def main(): pass', python: 'python-that-is-not-there' }))).error?.message).toMatch(/Python was not found on this worker: "python-that-is-not-there"/);
  });
});

describe('branches', () => {
  it('choose tasks or ids', async () => {
    expect((await run(() => {
      const left = new EmptyOperator('left');
      return new BranchOperator('t', { choose: () => [left, 'right'] }) as Operator;
    })).result).toEqual({ __millrace: 'branch', taskIds: ['left', 'right'] });
    expect((await run(() => new BranchOperator('t', { choose: () => null }) as Operator)).result).toEqual({ __millrace: 'branch', taskIds: [] });
  });

  it('short-circuit what is downstream', async () => {
    expect((await run(() => new ShortCircuitOperator('t', { condition: () => 1 }) as Operator)).result).toBe(true);
    expect((await run(() => new ShortCircuitOperator('t', { condition: () => 0, ignoreDownstreamTriggerRules: false }) as Operator)).result).toEqual({ __millrace: 'short_circuit', mode: 'direct' });
  });
});

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe('LatestOnlyOperator', () => {
  it.each([[true, undefined], [false, { __millrace: 'branch', taskIds: [] }]])('latest: %s', async (latest, result) => {
    expect((await run(() => new LatestOnlyOperator('t'), { isLatestRun: async () => latest })).result).toEqual(result);
  });
});
