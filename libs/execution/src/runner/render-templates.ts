import { createRequire } from 'node:module';
import type { RunnerAnswer, RunnerQuestion } from '@millrace/contracts';
import type { SecretMask } from '@millrace/task-logs';
import type { Environment } from 'nunjucks';
import type { DagLike, Macros, TaskLike } from './dag-contract.js';
import { maskSensitiveFields } from './sensitive-names.js';
import type { Ask } from './supervisor-questions.js';
import type { TaskContext } from './task-context.js';
import { TemplateDate, ds, isoformat, tsNodash } from './template-dates.js';
import { templateNames } from './template-names.js';

export interface Rendered {
  /** JSON of all template fields as the task saw them, masked and shortened; empty when it has none. */
  readonly fieldsJson: string;
  /** Puts the templates back: the next try of this process renders them anew. */
  restore(): void;
}

const NOTHING: Rendered = { fieldsJson: '', restore: () => {} };
/** For people who look at a task; the log has the rest. */
const SHOWN_CHARS = 4_096;
/** A template that asks more questions than this one after the other is not a template any more. */
const MAX_ROUNDS = 100;

/**
 * Renders the template fields of an operator, in place: a copy would have no `#private` state, and a process runs one try at
 * a time. With the dag's option `renderTemplateAsNativeObj`, a template that is one expression becomes its value. Throws an error
 * that names the field; the operator is then as it was.
 */
export async function renderTemplates(task: TaskLike, context: TaskContext, secrets: SecretMask, ask: Ask, dag: Pick<DagLike, 'macros' | 'options'> = {}): Promise<Rendered> {
  const fields = task.templateFields;
  if (fields.length === 0) return NOTHING;
  const operator = task.operator as unknown as Record<string, unknown>;
  const render = (dag.options as { readonly renderTemplateAsNativeObj?: unknown } | undefined)?.renderTemplateAsNativeObj === true ? renderNatively : renderText;
  const shown: Record<string, unknown> = {};
  const rendered = new Map<string, unknown>();
  for (const field of fields) {
    const value = operator[field];
    if (value === undefined) continue;
    shown[field] = value;
    if (!holdsTemplate(value)) continue;
    try {
      shown[field] = await renderWithAnswers(value, render, { context, taskFields: operator, secrets, ask, macros: dag.macros ?? {} });
    } catch (error) {
      throw notRendered(field, context, error);
    }
    rendered.set(field, shown[field]);
  }
  // All at once: `{{ task.command }}` in another field gives the template, whatever their order.
  const restores: (() => void)[] = [];
  const restore = (): void => {
    for (const undo of restores) undo();
  };
  for (const [field, value] of rendered) {
    try {
      restores.push(replaced(operator, field, value));
    } catch (error) {
      restore();
      throw notRendered(field, context, error);
    }
  }
  return { fieldsJson: shownJson(shown, secrets), restore };
}

/** What people see instead of an index, at most 250 characters. */
export async function renderIndexName(template: string, task: TaskLike, context: TaskContext, secrets: SecretMask, ask: Ask, macros: Macros = {}): Promise<string> {
  try {
    const name = await renderWithAnswers(template, renderText, { context, taskFields: task.operator as unknown as Record<string, unknown>, secrets, ask, macros });
    return secrets.mask(String(name)).slice(0, 250);
  } catch (error) {
    throw new Error(`mapIndexTemplate of task "${context.taskId}" could not be rendered: ${reasonOf(error)}`, { cause: error });
  }
}

/** Sets a property and gives what undoes that. */
function replaced(operator: Record<string, unknown>, field: string, value: unknown): () => void {
  const before = operator[field];
  const wasOwn = Object.hasOwn(operator, field);
  operator[field] = value;
  return () => {
    if (!wasOwn && Object.hasOwn(operator, field)) delete operator[field];
    else operator[field] = before;
  };
}

function notRendered(field: string, context: TaskContext, error: unknown): Error {
  return new Error(`template field "${field}" of task "${context.taskId}" could not be rendered: ${reasonOf(error)}`, { cause: error });
}

interface Surroundings {
  readonly context: TaskContext;
  readonly taskFields: Record<string, unknown>;
  readonly secrets: SecretMask;
  readonly ask: Ask;
  readonly macros: Macros;
}

type Render = (source: string, names: Record<string, unknown>) => unknown;

/** Templates render synchronously, their questions are answered by others: render, fetch what was missing, render again. */
async function renderWithAnswers(value: unknown, render: Render, { context, taskFields, secrets, ask, macros }: Surroundings): Promise<unknown> {
  const answers = new Map<string, RunnerAnswer>();
  for (let round = 0; round < MAX_ROUNDS; round++) {
    let missing: RunnerQuestion | undefined;
    const names = templateNames(context, taskFields, (question) => {
      const answer = answers.get(JSON.stringify(question));
      if (answer !== undefined) return answer;
      missing ??= question;
      throw new Error('waiting for an answer');
    }, macros);
    try {
      return renderValue(value, names, render);
    } catch (error) {
      if (missing === undefined) throw error;
      const answer = await ask(missing);
      if (missing.ask === 'connection' && 'json' in answer && answer.json !== null) maskSensitiveFields(secrets, JSON.parse(answer.json));
      if (missing.ask === 'variable' && 'json' in answer) maskSensitiveFields(secrets, { [missing.key]: answer.json });
      answers.set(JSON.stringify(missing), answer);
    }
  }
  throw new Error(`it asked for more than ${MAX_ROUNDS} values`);
}

function renderValue(value: unknown, names: Record<string, unknown>, render: Render): unknown {
  if (typeof value === 'string') return isTemplate(value) ? render(value, names) : value;
  if (Array.isArray(value)) return value.map((item) => renderValue(item, names, render));
  if (isPlainObject(value)) return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, renderValue(inner, names, render)]));
  return value;
}

/** The value of a template that is one expression; the text of any other. A date is a `Date`. */
function renderNatively(source: string, names: Record<string, unknown>): unknown {
  const expression = onlyExpression(source);
  if (expression === null) return renderText(source, names);
  let value: unknown;
  // What a template sets is all it can be asked for besides its text.
  compiled(`{% set ${VALUE} = (${expression}) %}`).getExported(names, (error, exported) => {
    if (error) throw error;
    value = exported[VALUE];
  });
  // No value: as text it would be an error, which says what there is.
  if (value === undefined) return renderText(source, names);
  return value instanceof TemplateDate ? value.date : value;
}

const VALUE = 'millrace_value';

/** What stands between the braces, when there is nothing else. */
function onlyExpression(source: string): string | null {
  const between = /^\{\{-?([\s\S]*?)-?\}\}$/.exec(source)?.[1];
  if (between === undefined) return null;
  const { parser, nodes } = syntax();
  const { children = [] } = parser.parse(source, undefined, {});
  const parts = children[0] instanceof nodes.Output ? (children[0].children ?? []) : [];
  return children.length === 1 && parts.length === 1 && !(parts[0] instanceof nodes.TemplateData) ? between : null;
}

function syntax(): NunjucksSyntax {
  return createRequire(import.meta.url)('nunjucks') as unknown as NunjucksSyntax;
}

function renderText(source: string, names: Record<string, unknown>): string {
  const template = compiled(source);
  try {
    return template.render(names);
  } catch (error) {
    const unknown = unknownNames(source, names);
    if (unknown.length === 0 || !/null or undefined|undefined or falsey|Unable to call/.test(String(error))) throw error;
    throw new Error(`${unknown.map((name) => `"${name}"`).join(', ')} ${unknown.length === 1 ? 'is no name' : 'are no names'} a template knows in this run; it knows ${Object.keys(names).join(', ')}`, { cause: error });
  }
}

/** Names a template reads that are neither given nor set by itself. */
function unknownNames(source: string, names: Record<string, unknown>): string[] {
  const { parser, nodes } = syntax();
  const tree = parser.parse(source, undefined, {});
  const set = new Set<string>();
  for (const made of [...tree.findAll(nodes.Set), ...tree.findAll(nodes.For), ...tree.findAll(nodes.Macro)]) for (const symbol of namesMadeBy(made)) set.add(symbol);
  // Names of filters, tests and arguments are symbols to the parser too.
  const others = new Set<unknown>([...tree.findAll(nodes.Filter).map((filter) => filter.name), ...tree.findAll(nodes.Is).map((test) => test.right), ...tree.findAll(nodes.Pair).map((pair) => pair.key)]);
  const read = tree.findAll(nodes.Symbol).filter((symbol) => !others.has(symbol)).map((symbol) => String(symbol.value));
  return [...new Set(read)].filter((name) => !(name in names) && !set.has(name) && !BUILT_IN.has(name));
}

function namesMadeBy(node: SyntaxNode): string[] {
  const made = [...(node.targets ?? []), ...(node.name === undefined ? [] : [node.name]), ...(node.args?.children ?? [])];
  return made.flatMap((one) => (typeof one.value === 'string' ? [one.value] : (one.children ?? []).map((child) => String(child.value))));
}

interface SyntaxNode {
  readonly value?: unknown;
  readonly targets?: readonly SyntaxNode[];
  readonly name?: SyntaxNode;
  readonly right?: SyntaxNode;
  readonly key?: SyntaxNode;
  readonly args?: SyntaxNode;
  readonly children?: readonly SyntaxNode[];
  findAll(type: unknown): SyntaxNode[];
}

/** Parts of the template engine its types leave out. */
interface NunjucksSyntax {
  readonly parser: { parse(source: string, extensions: undefined, options: object): SyntaxNode };
  readonly nodes: Readonly<Record<'Set' | 'For' | 'Macro' | 'Symbol' | 'Filter' | 'Is' | 'Pair' | 'Output' | 'TemplateData', abstract new (...args: never[]) => SyntaxNode>>;
}

/** What the engine brings itself. */
const BUILT_IN = new Set(['range', 'cycler', 'joiner', 'loop', 'caller']);

function holdsTemplate(value: unknown): boolean {
  if (typeof value === 'string') return isTemplate(value);
  if (Array.isArray(value)) return value.some(holdsTemplate);
  return isPlainObject(value) && Object.values(value).some(holdsTemplate);
}

function isTemplate(text: string): boolean {
  return text.includes('{{') || text.includes('{%') || text.includes('{#');
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype = Object.getPrototypeOf(value) as object | null;
  return prototype === Object.prototype || prototype === null;
}

function shownJson(shown: Record<string, unknown>, secrets: SecretMask): string {
  const shortened = (text: string) => (text.length > SHOWN_CHARS ? `${text.slice(0, SHOWN_CHARS)}… (${text.length} characters)` : text);
  try {
    const json = JSON.stringify(shown, (_, value: unknown) => (typeof value === 'string' ? shortened(secrets.mask(value)) : typeof value === 'function' ? `[function ${value.name}]` : typeof value === 'bigint' ? String(value) : value));
    return json.length > SHOWN_CHARS * 8 ? JSON.stringify({ shortened: json.slice(0, SHOWN_CHARS) }) : json;
  } catch (error) {
    return JSON.stringify({ not_shown: `these fields cannot be shown as JSON: ${String(error)}` }); // A circle in a field is no reason to fail the task.
  }
}

function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.replace(/^\(unknown path\)\s*/, '').replaceAll(/\s*\n\s*/g, ' ').replace(/^Error: /, '').trim();
}

let environment: Environment | undefined;
let makeTemplate: ((source: string) => Template) | undefined;
/** With the part its types leave out: what a template sets. */
type Template = import('nunjucks').Template & { getExported(names: object, done: (error: Error | null, exported: Readonly<Record<string, unknown>>) => void): void };
const templates = new Map<string, Template>();
const TEMPLATES_KEPT = 1_000;

function compiled(source: string): Template {
  const known = templates.get(source);
  if (known !== undefined) return known;
  makeTemplate ??= loadNunjucks();
  const template = makeTemplate(source);
  if (templates.size >= TEMPLATES_KEPT) templates.clear();
  templates.set(source, template);
  return template;
}

/** Loaded when the first template is met: a task without templates does not pay for the engine. */
function loadNunjucks(): (source: string) => Template {
  const nunjucks = createRequire(import.meta.url)('nunjucks') as typeof import('nunjucks');
  const runtime = (nunjucks as unknown as { runtime: { memberLookup(object: unknown, name: unknown): unknown } }).runtime;
  const lookup = runtime.memberLookup;
  // Without this guard `{{ range.constructor("…")() }}` runs code, also from values that came with a run's conf.
  runtime.memberLookup = (object, name) => (name === 'constructor' || name === '__proto__' || name === 'prototype' || typeof object === 'function' ? undefined : lookup(object, name));
  environment = new nunjucks.Environment(null, { autoescape: false, throwOnUndefined: true });
  const dateOf = (value: unknown) => (value instanceof TemplateDate ? value.date : new Date(value as string));
  environment.addFilter('ds', (value: unknown) => ds(dateOf(value)));
  environment.addFilter('ds_nodash', (value: unknown) => ds(dateOf(value)).replaceAll('-', ''));
  environment.addFilter('ts', (value: unknown) => isoformat(dateOf(value)));
  environment.addFilter('ts_nodash', (value: unknown) => tsNodash(dateOf(value)));
  environment.addFilter('ts_nodash_with_tz', (value: unknown) => `${tsNodash(dateOf(value))}+0000`);
  environment.addFilter('tojson', (value: unknown) => JSON.stringify(value));
  const made = environment;
  return (source) => new nunjucks.Template(source, made, undefined, true) as Template;
}
