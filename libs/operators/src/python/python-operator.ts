import { Operator, skip } from '@millrace/sdk';
import type { OperatorOptions, TaskContext } from '@millrace/sdk';
import { runProcess } from '../processes/run-process.js';
import { definedOnly, taskEnvironment } from '../processes/task-environment.js';
import { pythonWith } from './virtual-environment.js';
import { PYTHON_WRAPPER } from './python-wrapper.js';

export interface PythonOperatorOptions extends OperatorOptions {
  /** Python source that defines `functionName`. Template. Either this or `script`. */
  readonly pythonCode?: string;
  /** Absolute path of a Python file on the worker that defines `functionName`. Template. */
  readonly script?: string;
  /** The function to call. @default 'main' */
  readonly functionName?: string;
  /** Positional arguments, JSON. Template. */
  readonly opArgs?: readonly unknown[];
  /** Keyword arguments, JSON. Template. */
  readonly opKwargs?: Readonly<Record<string, unknown>>;
  /** The interpreter, e.g. of a virtual environment. @default 'python3' on PATH */
  readonly python?: string;
  /** Packages of its own, as pip takes them (`pandas==2.2.3`): the function runs in a virtual environment with these, kept on the worker for the next try. @default none */
  readonly requirements?: readonly string[];
  /** For pip, e.g. `['--index-url', 'https://…']`. @default none */
  readonly pipOptions?: readonly string[];
  /** The virtual environment also sees the interpreter's own packages. @default false */
  readonly systemSitePackages?: boolean;
  /** Added to the runner's environment. Template. */
  readonly env?: Readonly<Record<string, string>>;
  /** Exit codes of `sys.exit` that mean "skipped". @default 99 */
  readonly skipOnExitCode?: number | null;
  /** Between SIGTERM and SIGKILL when the try is stopped, milliseconds. @default 3000 */
  readonly killGraceMs?: number;
}

/**
 * Calls a Python function in a process of its own. Arguments and result travel as JSON; the result is kept as XCom.
 * Prints and tracebacks go to the log.
 */
export class PythonOperator extends Operator {
  static override readonly uiColor: string = '#ffefeb';
  override readonly templateFields: readonly string[] = ['pythonCode', 'script', 'opArgs', 'opKwargs', 'env'];
  readonly pythonCode: string | undefined;
  readonly script: string | undefined;
  readonly functionName: string;
  readonly opArgs: readonly unknown[];
  readonly opKwargs: Readonly<Record<string, unknown>>;
  readonly python: string;
  readonly requirements: readonly string[];
  readonly pipOptions: readonly string[];
  readonly systemSitePackages: boolean;
  readonly env: Readonly<Record<string, string>>;
  readonly skipOnExitCode: number | null;
  readonly killGraceMs: number;

  constructor(id: string, options: PythonOperatorOptions) {
    super(id, options);
    if ((options.pythonCode === undefined) === (options.script === undefined)) throw new TypeError(`task "${id}": give either pythonCode or script`);
    this.pythonCode = options.pythonCode;
    this.script = options.script;
    this.functionName = options.functionName ?? 'main';
    if (!/^[\p{L}_][\p{L}\p{N}_]*$/u.test(this.functionName)) throw new TypeError(`task "${id}": functionName must be a Python name, got ${JSON.stringify(this.functionName)}`);
    this.opArgs = options.opArgs ?? [];
    this.opKwargs = options.opKwargs ?? {};
    this.python = options.python ?? 'python3';
    for (const name of ['requirements', 'pipOptions'] as const) {
      const list: unknown = options[name];
      if (list !== undefined && !(Array.isArray(list) && list.every((one) => typeof one === 'string' && one.trim() !== '' && !one.includes('\n')))) throw new TypeError(`task "${id}": ${name} must be a list of texts of one line`);
    }
    this.requirements = options.requirements ?? [];
    this.pipOptions = options.pipOptions ?? [];
    if (this.requirements.length === 0 && (this.pipOptions.length > 0 || options.systemSitePackages !== undefined)) throw new TypeError(`task "${id}": pipOptions and systemSitePackages need requirements`);
    this.systemSitePackages = options.systemSitePackages ?? false;
    this.env = options.env ?? {};
    this.skipOnExitCode = options.skipOnExitCode === undefined ? 99 : options.skipOnExitCode;
    this.killGraceMs = options.killGraceMs ?? 3_000;
  }

  override async execute(context: TaskContext): Promise<unknown> {
    let lastError = '';
    const { python, requirements, pipOptions, systemSitePackages } = this;
    const interpreter = requirements.length === 0 ? python : await pythonWith({ python, requirements, pipOptions, systemSitePackages }, context);
    const end = await runProcess({
      command: interpreter,
      args: ['-u', '-c', PYTHON_WRAPPER],
      env: { ...definedOnly(process.env), PYTHONIOENCODING: 'utf-8', PYTHONDONTWRITEBYTECODE: '1', ...taskEnvironment(context), ...this.env },
      cwd: context.scratchDir,
      input: JSON.stringify({ code: this.pythonCode ?? null, script: this.script ?? null, function: this.functionName, args: this.opArgs, kwargs: this.opKwargs }),
      resultFd: 3,
      signal: context.signal,
      killGraceMs: this.killGraceMs,
      onLine: (line, stream) => {
        if (stream === 'stderr' && line.trim() !== '') lastError = line;
        if (stream === 'stderr') context.log.warn(line);
        else context.log.info(line);
      },
    }).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw new Error(`Python was not found on this worker: "${this.python}" is no program on its PATH. Install python3, or name the interpreter with the option \`python\`.`, { cause: error });
      throw error;
    });
    if (end.exitCode !== null && end.exitCode === this.skipOnExitCode) skip(`Python exited with ${end.exitCode}. Skipping.`);
    if (end.exitCode === null) throw new Error(`Python was ended by ${end.signal ?? 'a signal'}`);
    if (end.exitCode !== 0) throw new Error(`${this.functionName} failed: ${lastError === '' ? `Python exited with ${end.exitCode}` : lastError}`);
    // A function that leaves by sys.exit(0) has no result.
    return end.result === '' ? null : (JSON.parse(end.result) as unknown);
  }
}
