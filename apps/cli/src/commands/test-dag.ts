import { mkdtempSync, readFileSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { PluginCatalogue, Evaluator, attachedPlugins, bundleDagFile, bundleFile, definesDags, isDataFile, pluginFoldersOf, scanFolder } from '@millrace/bundles';
import { runDag } from '@millrace/sdk-testing';
import type { LogLine, RunDagOptions, RunnableDag, TestRun } from '@millrace/sdk-testing';
import { MillraceError } from '@millrace/vocabulary';
import { EXIT_FAILED_RUN } from '../client/failure.js';
import { homeFolder } from '../client/home.js';
import type { Row } from '../client/api-client.js';
import { printable, renderRows } from '../output/render.js';
import { print } from '../output/terminal.js';
import type { OutputOptions } from '../output/terminal.js';

export interface TestDagOptions extends OutputOptions {
  readonly conf?: object;
  readonly date?: string;
  readonly file?: string;
  readonly dags?: string;
  readonly fakes?: string;
  readonly onServer?: boolean;
}

/** One run of a dag in this process, from its file, with its plugins: the log as it is written, then the states. */
export async function testDagHere(dagId: string, date: string | undefined, options: TestDagOptions): Promise<number> {
  if (options.onServer === true) return (await import('./dags.js')).testDag(dagId, date ?? options.date, options);
  return runHere(dagId, date, options, {});
}

/** One task of a dag in this process, as if nothing were upstream of it. */
export async function testTaskHere(dagId: string, taskId: string, date: string | undefined, options: TestDagOptions & { readonly taskParams?: object; readonly envVars?: object }): Promise<number> {
  for (const [name, value] of Object.entries(options.envVars ?? {})) process.env[name] = String(value);
  return runHere(dagId, date, { ...options, conf: { ...options.conf, ...options.taskParams } }, { tasks: [taskId] });
}

async function runHere(dagId: string, date: string | undefined, options: TestDagOptions, only: Pick<RunDagOptions, 'tasks'>): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-dags-test-'));
  try {
    const dag = await findDag(dagId, options, folder);
    const unknown = only.tasks?.find((taskId) => !dag.tasks.has(taskId));
    if (unknown !== undefined) throw new MillraceError('task_not_found', `${dagId} has no task ${JSON.stringify(unknown)}; it has ${[...dag.tasks.keys()].join(', ') || 'none'}`);
    const fakes = options.fakes === undefined ? {} : readFakes(options.fakes);
    const run = await runDag(dag, {
      ...fakes, ...only, connections: { ...fromEnvironment('MILLRACE_CONN_', connectionOf), ...fakes.connections }, variables: { ...fromEnvironment('MILLRACE_VAR_', (text) => text), ...fakes.variables },
      ...(options.conf === undefined ? {} : { conf: options.conf as Record<string, unknown> }), logicalDate: date ?? options.date ?? fakes.logicalDate ?? new Date(), now: fakes.now ?? new Date(), onLog: showLine,
    });
    print(`\n${await renderRows(rowsOf(run), ['task', 'state', 'try', 'return_value', 'reason'], options.output)}`);
    print(`${run.dagId}: ${run.state}${run.reason === null ? '' : ` (${printable(run.reason)})`}\n`);
    return run.state === 'failed' ? EXIT_FAILED_RUN : 0;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function showLine(line: LogLine): void {
  const index = line.indexPath.length === 0 ? '' : `[${line.indexPath.join(',')}]`;
  print(`[${line.at.toISOString()}] {${line.taskId}${index}} ${line.level} - ${line.message.split('\n').map(printable).join('\n')}\n`);
}

function rowsOf(run: TestRun): Row[] {
  return run.tasks.map(({ name, state, tryNumber, returnValue, reason, tries }) => ({ task: name, state: state ?? 'none', try: tryNumber, return_value: returnValue === null ? '' : JSON.stringify(returnValue).slice(0, 200), reason: tries.at(-1)?.error || reason || '' }));
}

/** The dag by its file, bundled as the dag-processor does. @throws MillraceError that says where was looked */
async function findDag(dagId: string, options: TestDagOptions, scratch: string): Promise<RunnableDag> {
  const places = options.file === undefined ? await dagFiles(dagId, options.dags ?? join(homeFolder(), 'dags')) : [fileOf(options.file)];
  const evaluator = new Evaluator({ timeoutMs: 30_000, memoryMb: 512 });
  try {
    const failures: string[] = [];
    for (const { root, path } of places) {
      const pluginFolders = pluginFoldersOf(root, homeFolder()).flatMap((folder) => (statSync(folder, { throwIfNoEntry: false }) === undefined ? [] : [realpathSync(folder)]));
      const attached = attachedPlugins(await new PluginCatalogue(evaluator).look(pluginFolders, true));
      const request = { root, path, pluginFolders, attached };
      const bundled = isDataFile(path) ? await bundleDagFile(request, readFileSync(join(root, path), 'utf8')) : await bundleFile(request);
      if (!bundled.ok) {
        failures.push(bundled.failure.text);
        continue;
      }
      const file = join(scratch, `${bundled.bundle.hash}.mjs`);
      writeFileSync(file, bundled.bundle.code);
      const dag = await loaded(file, dagId);
      if (dag !== null) return dag;
    }
    if (failures.length > 0) throw new MillraceError('invalid', failures.join('\n\n'));
    throw new MillraceError('dag_not_found', `no dag "${dagId}" in ${options.file ?? options.dags ?? join(homeFolder(), 'dags')}; name the file with --file, or the folder with --dags`);
  } finally {
    await evaluator.dispose();
  }
}

async function loaded(file: string, dagId: string): Promise<RunnableDag | null> {
  process.setSourceMapsEnabled(true);
  const { __millrace_dags__: dags } = (await import(pathToFileURL(file).href)) as { __millrace_dags__: ReadonlyMap<string, RunnableDag> };
  return dags.get(dagId) ?? null;
}

/** Files that may define it; those that hold its id as text first. */
async function dagFiles(dagId: string, folder: string): Promise<{ root: string; path: string; named: boolean }[]> {
  const scan = await scanFolder(resolve(folder)).catch(() => {
    throw new MillraceError('not_found', `the dags folder ${folder} cannot be read; name the file with --file, or another folder with --dags`);
  });
  const files = scan.files.flatMap(({ path, file }) => {
    const source = readFileSync(file, 'utf8');
    return isDataFile(path) || definesDags(source) ? [{ root: scan.root, path, named: source.includes(dagId) }] : [];
  });
  return files.sort((a, b) => Number(b.named) - Number(a.named));
}

function fileOf(file: string): { root: string; path: string; named: boolean } {
  if (statSync(file, { throwIfNoEntry: false })?.isFile() !== true) throw new MillraceError('not_found', `there is no file ${file}`);
  const real = realpathSync(file);
  return { root: dirname(real), path: basename(real), named: true };
}

function readFakes(file: string): RunDagOptions {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as RunDagOptions;
  } catch (error) {
    throw new MillraceError('invalid', `--fakes ${file}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** As workers read them: `MILLRACE_CONN_MY_DB` is the connection `my_db`. */
function fromEnvironment<T>(prefix: string, read: (text: string) => T): Record<string, T> {
  return Object.fromEntries(Object.entries(process.env).flatMap(([name, text]) => (name.startsWith(prefix) && text !== undefined && text !== '' ? [[name.slice(prefix.length).toLowerCase(), read(text)]] : [])));
}

function connectionOf(text: string): NonNullable<RunDagOptions['connections']>[string] {
  return text.trimStart().startsWith('{') ? (JSON.parse(text) as { connType?: string }) : text;
}
