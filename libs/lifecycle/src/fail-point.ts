/** `MILLRACE_FAIL_POINT=name` or `name:3` (third time), and only with `MILLRACE_FAIL_POINTS_ALLOWED=1`. */
interface Armed {
  readonly name: string;
  left: number;
}

let armed = fromEnvironment(process.env);

/**
 * A place where fault tests kill the process with SIGKILL, as a power cut would. One comparison in production.
 * @param name kebab-case, says what just happened: `after-commit-before-publish`.
 */
export function failPoint(name: string): void {
  if (armed === null || armed.name !== name) return;
  armed.left--;
  if (armed.left > 0) return;
  armed = null;
  process.stderr.write(`fail point ${name}: killing process ${process.pid}\n`);
  process.kill(process.pid, 'SIGKILL');
}

function fromEnvironment(env: NodeJS.ProcessEnv): Armed | null {
  const text = env['MILLRACE_FAIL_POINT'];
  if (!text) return null;
  if (env['MILLRACE_FAIL_POINTS_ALLOWED'] !== '1') {
    process.stderr.write('MILLRACE_FAIL_POINT is ignored: fail points work only with MILLRACE_FAIL_POINTS_ALLOWED=1, in tests\n');
    return null;
  }
  const match = /^([a-z0-9]+(?:[-.][a-z0-9]+)*)(?::([1-9]\d*))?$/.exec(text);
  if (match === null) throw new Error(`MILLRACE_FAIL_POINT: "${text}" is not name or name:nth, like after-commit:2`);
  return { name: match[1] as string, left: Number(match[2] ?? 1) };
}
