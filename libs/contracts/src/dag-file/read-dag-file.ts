import { nearest } from '@millrace/vocabulary';
import { LineCounter, isMap, isNode, isPair, isScalar, parseAllDocuments } from 'yaml';
import type { Document } from 'yaml';
import { z } from 'zod';
import { dagFileShape, groupInFile, taskInFile } from './dag-file.js';
import type { DagFile, GroupInFile, TaskInFile } from './dag-file.js';
import { OPERATOR_OPTIONS, operatorClass } from './operator-options.js';
import type { CataloguedOperator } from './operator-options.js';
import { wiringProblems } from './wiring-problems.js';

export type DagFilePath = readonly (string | number)[];

/** What is wrong in a dag file, and where. */
export interface DagFileProblem {
  /** `tasks[2].options.bashCommand`; empty: the file as a whole. */
  readonly path: string;
  /** What was expected. */
  readonly message: string;
  /** From 1; 0 when unknown. */
  readonly line: number;
  readonly column: number;
}

export interface Place {
  readonly line: number;
  readonly column: number;
}

export type DagFileReading =
  | { readonly ok: true; readonly file: DagFile; readonly placeOf: (path: DagFilePath) => Place }
  | { readonly ok: false; readonly problems: readonly DagFileProblem[] };

/** More than this is told as "and n more". */
const PROBLEMS_MAX = 50;
/** Groups in groups in groups: deeper is a mistake. */
const DEPTH_MAX = 20;
/** Of a file; the api's own limit of a body is smaller. */
export const DAG_FILE_MAX_BYTES = 4 * 1_048_576;

type Problem = { readonly path: DagFilePath; readonly message: string; readonly atKey?: string };

/** Reads a dag file, YAML or JSON, and checks all that can be told without running anything. Never throws for what is in the text. */
export function readDagFile(text: string): DagFileReading {
  if (Buffer.byteLength(text) > DAG_FILE_MAX_BYTES) return refused([{ path: '', message: `the file has more than ${DAG_FILE_MAX_BYTES / 1_048_576} MiB`, line: 0, column: 0 }]);
  const lines = new LineCounter();
  const parsed = parseAllDocuments(text, { lineCounter: lines, merge: true, prettyErrors: false, uniqueKeys: true });
  const documents = Array.isArray(parsed) ? parsed : [];
  const place = (offset: number | undefined): Place => {
    if (offset === undefined) return { line: 0, column: 0 };
    const { line, col } = lines.linePos(offset);
    return { line, column: col };
  };
  const syntax = documents.flatMap((document) => document.errors.map((error) => ({ path: '', message: `no valid YAML: ${error.message}`, ...place(error.pos[0]) })));
  if (syntax.length > 0) return refused(syntax);
  const [document, second] = documents;
  if (document === undefined || document.contents === null) return refused([{ path: '', message: 'the file is empty; expected a dag: `dag: <id>` and `tasks:`', line: 1, column: 1 }]);
  if (second !== undefined) return refused([{ path: '', message: 'the file holds several YAML documents ("---"); one dag a file', ...place(second.range[0]) }]);

  let raw: unknown;
  try {
    raw = document.toJS({ maxAliasCount: 1_000 });
  } catch (error) {
    return refused([{ path: '', message: `no usable YAML: ${error instanceof Error ? error.message : String(error)}`, line: 1, column: 1 }]);
  }
  const placeOf = (path: DagFilePath, atKey?: string): Place => place(offsetOf(document, path, atKey));
  const { file, problems } = checkDagFile(raw);
  if (problems.length > 0) return refused(problems.map(({ path, message, atKey }) => ({ path: pathText(atKey === undefined ? path : [...path, atKey]), message, ...placeOf(path, atKey) })));
  return { ok: true, file: file as DagFile, placeOf };
}

function refused(problems: readonly DagFileProblem[]): DagFileReading {
  const told = problems.slice(0, PROBLEMS_MAX);
  if (problems.length > told.length) told.push({ path: '', message: `and ${problems.length - told.length} more problems`, line: 0, column: 0 });
  return { ok: false, problems: told };
}

/** `tasks[2].options.bashCommand` */
export function pathText(path: DagFilePath): string {
  return path.reduce<string>((text, part) => (typeof part === 'number' ? `${text}[${part}]` : /^[\w$-]+$/.test(part) ? `${text}${text === '' ? '' : '.'}${part}` : `${text}[${JSON.stringify(part)}]`), '');
}

// Entries are checked one by one, as a task or as a group: a union would only say that neither fits.
const headSchema = z.strictObject({ ...dagFileShape, tasks: z.array(z.unknown(), 'expected a list of tasks').min(1, 'expected at least one task').max(100_000) });
const groupHeadSchema = z.strictObject({ ...groupShape(), tasks: z.array(z.unknown(), 'expected a list of tasks').min(1, 'expected at least one task in a group') });

function groupShape(): Record<string, z.ZodType> {
  const lazy = groupInFile as unknown as { _zod: { def: { getter: () => z.ZodObject } } };
  return { ...lazy._zod.def.getter().shape } as Record<string, z.ZodType>;
}

function checkDagFile(raw: unknown): { file: unknown; problems: Problem[] } {
  const problems: Problem[] = [];
  const head = headSchema.safeParse(withoutExtensions(raw));
  if (!head.success) problems.push(...problemsOf(head.error, [], headSchema.shape, raw));
  const entries = (raw as { tasks?: unknown } | null)?.tasks;
  const checked = Array.isArray(entries) ? entries.map((entry, index) => checkEntry(entry, ['tasks', index], problems, 0)) : [];
  // What is wired can only be told of entries that are what they should be.
  if (problems.length === 0 && head.success) {
    const file = { ...head.data, tasks: checked as (TaskInFile | GroupInFile)[] } as DagFile;
    problems.push(...wiringProblems(file));
    return { file, problems };
  }
  return { file: null, problems };
}

/** Names that begin with `x-` are the author's, e.g. for anchors. */
function withoutExtensions(raw: unknown): unknown {
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) return raw;
  return Object.fromEntries(Object.entries(raw).filter(([name]) => !name.startsWith('x-')));
}

function checkEntry(raw: unknown, path: DagFilePath, problems: Problem[], depth: number): unknown {
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) {
    problems.push({ path, message: `expected a task ({ id, operator, … }) or a group ({ group, tasks }), got ${kindOf(raw)}` });
    return raw;
  }
  if ('group' in raw) {
    if (depth >= DEPTH_MAX) problems.push({ path, message: `groups are nested deeper than ${DEPTH_MAX}` });
    const head = groupHeadSchema.safeParse(raw);
    if (!head.success) problems.push(...problemsOf(head.error, path, groupHeadSchema.shape, raw));
    const inner = (raw as { tasks?: unknown }).tasks;
    const tasks = Array.isArray(inner) && depth < DEPTH_MAX ? inner.map((entry, index) => checkEntry(entry, [...path, 'tasks', index], problems, depth + 1)) : [];
    return { ...(head.success ? head.data : raw), tasks };
  }
  const task = taskInFile.safeParse(raw);
  if (!task.success) {
    problems.push(...problemsOf(task.error, path, taskInFile.shape, raw));
    return raw;
  }
  if (task.data.expand !== undefined && task.data.expandKwargs !== undefined) problems.push({ path, atKey: 'expandKwargs', message: 'expected either expand or expandKwargs, not both' });
  problems.push(...optionProblems(task.data, path));
  return task.data;
}

/** The own options of an operator that is known here. What is mapped over need not be given besides. */
function optionProblems(task: TaskInFile, path: DagFilePath): Problem[] {
  if (task.from !== undefined) return [];
  const name = operatorClass(task.operator);
  if (name === null) return [];
  const schema: z.ZodObject = OPERATOR_OPTIONS[name as CataloguedOperator];
  const given = task.options ?? {};
  const mapped = new Set(Object.keys(task.expand ?? {}));
  const checked = schema.safeParse(given);
  const inner = checked.success ? [] : problemsOf(checked.error, [...path, 'options'], schema.shape, given);
  const wanted = inner.filter((problem) => {
    const missing = problem.path.length === path.length + 2 ? problem.path.at(-1) : undefined;
    return !(typeof missing === 'string' && !Object.hasOwn(given, missing) && (mapped.has(missing) || task.expandKwargs !== undefined));
  });
  const unknown = [...mapped].filter((option) => !Object.hasOwn(schema.shape, option)).map((option) => ({ path: [...path, 'expand'], atKey: option, message: unknownName(option, Object.keys(schema.shape), `an option of ${task.operator}`) }));
  return [...wanted, ...unknown];
}

function problemsOf(error: z.ZodError, path: DagFilePath, shape: Readonly<Record<string, unknown>>, input: unknown): Problem[] {
  return error.issues.flatMap((issue): Problem[] => {
    const inner = issue.path.map((part) => (typeof part === 'symbol' ? String(part) : part));
    const at = [...path, ...inner];
    if (issue.code === 'unrecognized_keys') {
      const known = inner.length === 0 ? Object.keys(shape) : [];
      return issue.keys.map((key) => ({ path: at, atKey: key, message: unknownName(key, known, 'a name that is known here') }));
    }
    const value = inner.reduce<unknown>((from, part) => (typeof from === 'object' && from !== null ? (from as Record<string | number, unknown>)[part] : undefined), input);
    if (value === undefined && inner.length > 0) return [{ path: at, message: `missing; ${expected(issue)}` }];
    const got = issue.code === 'invalid_type' || issue.code === 'invalid_union' || issue.code === 'invalid_value' || issue.code === 'invalid_format' ? `, got ${shown(value)}` : '';
    return [{ path: at, message: `${expected(issue)}${got}` }];
  });
}

/** Zod says `Invalid input: expected string, received number`; what was received is told by us. */
function expected(issue: z.core.$ZodIssue): string {
  return issue.message.replace(/^Invalid input: /, '').replace(/, received .*$/, '').replace(/^Invalid option: expected/, 'expected').replace(/^Too /, 'too ');
}

function unknownName(name: string, known: readonly string[], what: string): string {
  const close = nearest(name.replaceAll('_', ''), known);
  return `"${name}" is not ${what}${close === null ? (known.length > 0 && known.length <= 15 ? `; expected one of ${known.join(', ')}` : '') : `; did you mean "${close}"?`}`;
}

function shown(value: unknown): string {
  if (typeof value === 'string') return value.length > 80 ? `${JSON.stringify(value.slice(0, 80))}…` : JSON.stringify(value);
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : kindOf(value);
}

function kindOf(value: unknown): string {
  return value === null ? 'nothing' : Array.isArray(value) ? 'a list' : typeof value === 'object' ? 'a mapping' : value === undefined ? 'nothing' : `a ${typeof value}`;
}

/** Where in the text a path stands; of what is not there, where its nearest parent is. */
function offsetOf(document: Document, path: DagFilePath, atKey: string | undefined): number | undefined {
  for (let length = path.length; length >= 0; length--) {
    const node: unknown = length === 0 ? document.contents : document.getIn(path.slice(0, length), true);
    if (!isNode(node)) continue;
    if (length === path.length && atKey !== undefined && isMap(node)) {
      const pair = node.items.find((item) => isPair(item) && isScalar(item.key) && String(item.key.value) === atKey);
      if (isNode(pair?.key)) return pair.key.range?.[0];
    }
    return node.range?.[0];
  }
  return undefined;
}
