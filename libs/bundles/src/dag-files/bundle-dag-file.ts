import { posix } from 'node:path';
import { operatorClass, operatorNames, pathText, planDag, readDagFile } from '@millrace/contracts';
import type { DagFileProblem, PlannedOperator } from '@millrace/contracts';
import { nearest } from '@millrace/vocabulary';
import { bundleFile } from '../bundling/bundle-file.js';
import type { Bundler } from '../bundling/bundler.js';
import type { BundleOutcome } from '../bundling/bundle-file.js';
import type { BundleRequest } from '../bundling/bundle-request.js';
import { importFailure } from '../import-errors/import-failure.js';
import type { ImportFailure } from '../import-errors/import-failure.js';
import { operatorExports } from './operator-exports.js';

/**
 * Bundles a dag file of data: a module that hands its plan and the classes of its operators to the SDK. Only the operators that are used
 * are in it.
 */
export async function bundleDagFile(request: BundleRequest, source: string, bundler: Bundler | null = null): Promise<BundleOutcome> {
  const reading = readDagFile(source);
  if (!reading.ok) return { ok: false, failure: problemsFailure(request.path, source, reading.problems) };
  const { plan, operators } = planDag(reading.file, request.path, reading.placeOf);
  const classes = await operatorExports();
  const problems: DagFileProblem[] = [];
  const imports: string[] = [];
  operators.forEach((operator, index) => {
    const found = sourceOfOperator(operator, request.path, classes);
    if ('problem' in found) {
      const path = [...operator.path, operator.from === null ? 'operator' : 'from'];
      problems.push({ path: pathText(path), message: found.problem, ...reading.placeOf(path) });
    } else imports.push(`import { ${found.exported} as o${index} } from ${JSON.stringify(found.module)};`);
  });
  if (problems.length > 0) return { ok: false, failure: problemsFailure(request.path, source, problems) };
  const named = operators.map(({ name }, index) => `${JSON.stringify(name)}: o${index}`).join(', ');
  const code = `${imports.join('\n')}\nimport { dagFromPlan } from '@millrace/sdk';\ndagFromPlan(${JSON.stringify(plan)}, { ${named} });\n`;
  const bundled = await bundleFile({ ...request, code }, bundler);
  if (!bundled.ok) return { ok: false, failure: inFile(request.path, source, bundled.failure, operators, reading.placeOf) };
  // So that an error is told with the lines around it; the module that travels goes without the text.
  const { sourceMap } = bundled.bundle;
  return { ok: true, bundle: { ...bundled.bundle, sourceMap: { ...sourceMap, sources: [...sourceMap.sources, request.path], sourcesContent: [...sourceMap.sourcesContent, source] } } };
}

function sourceOfOperator({ name, from }: PlannedOperator, path: string, classes: readonly string[]): { readonly module: string; readonly exported: string } | { readonly problem: string } {
  if (from === null) {
    const exported = operatorClass(name, classes);
    if (exported !== null && classes.includes(exported)) return { module: '@millrace/operators', exported };
    const close = nearest(name.replaceAll('_', ''), operatorNames(classes)) ?? nearest(name, operatorNames(classes));
    return { problem: `"${name}" is no built-in operator${close === null ? '' : `; did you mean "${close}"?`}${close === null ? '.' : ''} One of your own needs \`from\`, the module that exports it` };
  }
  const exported = name.slice(0, -` of ${from}`.length);
  if (!/^[\p{L}_$][\p{L}\p{N}_$]*$/u.test(exported)) return { problem: `"${exported}" is no name that a module can export` };
  if (!from.startsWith('.')) return { module: from, exported };
  const module = posix.normalize(posix.join(posix.dirname(path), from));
  return module.startsWith('../') ? { problem: `"${from}" is outside of the dags folder` } : { module: `./${module}`, exported };
}

/** An error of the module made for the file, told in the file's terms. */
function inFile(path: string, source: string, failure: ImportFailure, operators: readonly PlannedOperator[], placeOf: (path: PlannedOperator['path']) => { line: number; column: number }): ImportFailure {
  const about = operators.find(({ from }) => from !== null && (failure.message.includes(JSON.stringify(from)) || (from.startsWith('.') && failure.message.endsWith(posix.join('/', posix.dirname(path), from))))) ?? operators.find(({ name, from }) => from !== null && failure.message.includes(JSON.stringify(name.slice(0, -` of ${from}`.length))));
  if (about === undefined || (failure.file !== path && !failure.file.startsWith('<'))) return failure;
  const said = failure.message.includes('Cannot read file') ? 'no such file below the dags folder' : failure.message.replace(/^SyntaxError: /, '');
  return importFailure(`${pathText([...about.path, 'from'])}: ${said}`, { file: path, ...placeOf([...about.path, 'from']) }, source);
}

function problemsFailure(path: string, source: string, problems: readonly DagFileProblem[]): ImportFailure {
  const [first, ...more] = problems;
  const said = (problem: DagFileProblem): string => `${problem.path === '' ? '' : `${problem.path}: `}${problem.message}`;
  if (first === undefined) return importFailure('the file cannot be read', { file: path });
  return importFailure(said(first), { file: path, line: first.line, column: first.column }, source, more.map((problem) => `${path}${problem.line > 0 ? `:${problem.line}:${problem.column}` : ''}: ${said(problem)}`));
}
