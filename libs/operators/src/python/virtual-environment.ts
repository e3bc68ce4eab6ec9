import { createHash, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { TaskContext } from '@millrace/sdk';
import { runProcess } from '../processes/run-process.js';
import { definedOnly } from '../processes/task-environment.js';

export interface VirtualEnvironment {
  /** The interpreter it is made with. */
  readonly python: string;
  /** As pip takes them. */
  readonly requirements: readonly string[];
  readonly pipOptions: readonly string[];
  readonly systemSitePackages: boolean;
}

const LOOK_AGAIN_MS = 250;

/**
 * The interpreter of a virtual environment with these packages; made when this worker has none yet. It is made beside its place and gets a mark last, so that
 * one whose making was killed is never used; who finds that somebody else makes the same one makes its own, and the first one there stays.
 */
export async function pythonWith(wanted: VirtualEnvironment, context: Pick<TaskContext, 'signal' | 'log' | 'scratchDir'>): Promise<string> {
  const home = join(process.env['MILLRACE_HOME'] ?? join(homedir(), '.millrace'), 'venvs');
  const name = createHash('sha256').update(JSON.stringify([wanted.python, wanted.requirements, wanted.pipOptions, wanted.systemSitePackages])).digest('hex').slice(0, 24);
  const folder = join(home, name);
  const interpreter = join(folder, 'bin', 'python');
  if (existsSync(join(folder, 'complete'))) return interpreter;
  await mkdir(home, { recursive: true });
  // What a killed try left half made is in nobody's way, but takes its place.
  const lock = `${folder}.making`;
  for (let waited = 0; ; waited += LOOK_AGAIN_MS) {
    if (existsSync(join(folder, 'complete'))) return interpreter;
    const isMine = await mkdir(lock).then(() => true, (error: NodeJS.ErrnoException) => {
      if (error.code === 'EEXIST') return false;
      throw error;
    });
    if (isMine) break;
    if (waited === 0) context.log.info('Another task makes this virtual environment; waiting for it');
    // Whoever made it was killed: environments take minutes, not a quarter of an hour.
    if (waited > 900_000) await rm(lock, { recursive: true, force: true });
    await wait(LOOK_AGAIN_MS, undefined, { signal: context.signal }).catch(() => context.signal.throwIfAborted());
  }
  try {
    await rm(folder, { recursive: true, force: true });
    context.log.info(`Making a virtual environment with ${wanted.requirements.join(', ')}`);
    await run(wanted.python, ['-m', 'venv', ...(wanted.systemSitePackages ? ['--system-site-packages'] : []), folder], context, 'the virtual environment could not be made; on Debian it needs the package python3-venv');
    const list = join(context.scratchDir, `requirements-${randomUUID()}.txt`);
    await writeFile(list, `${wanted.requirements.join('\n')}\n`);
    await run(interpreter, ['-m', 'pip', 'install', '--disable-pip-version-check', '--no-input', '--quiet', ...wanted.pipOptions, '-r', list], context, 'pip could not install the requirements');
    await writeFile(join(folder, 'complete.new'), '');
    await rename(join(folder, 'complete.new'), join(folder, 'complete'));
    return interpreter;
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  } finally {
    await rm(lock, { recursive: true, force: true });
  }
}

async function run(command: string, args: readonly string[], context: Pick<TaskContext, 'signal' | 'log' | 'scratchDir'>, problem: string): Promise<void> {
  let last = '';
  const end = await runProcess({
    command, args, env: definedOnly(process.env), cwd: context.scratchDir, signal: context.signal, killGraceMs: 3_000,
    onLine: (line) => {
      if (line.trim() !== '') last = line;
      context.log.info(line);
    },
  }).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw new Error(`Python was not found on this worker: "${command}" is no program on its PATH. Install python3, or name the interpreter with the option \`python\`.`, { cause: error });
    throw error;
  });
  if (end.exitCode !== 0) throw new Error(`${problem}: ${last === '' ? `exit code ${end.exitCode ?? end.signal}` : last}`);
}
