import { dagDocumentSchema } from '@millrace/contracts';
import type { DagDocument } from '@millrace/contracts';
import { MAP_LENGTH_MAX, compilePartitionedAssets, compilePlan, compileTimetable } from '@millrace/engine';
import type { GraphError, PlanDimension, PlanSource, Timetable } from '@millrace/engine';
import { assetProblems } from './asset-references.js';

/** A document that can be scheduled. */
export interface CheckedDag {
  readonly document: DagDocument;
  /** null: no schedule. */
  readonly timetable: Timetable | null;
}

/** One reason why a document cannot be used, in a sentence, and where it is written. */
export interface DocumentProblem {
  /** `file:line` relative to the dags folder; null when nothing is known. */
  readonly where: string | null;
  readonly message: string;
}

/**
 * Reads dag documents from outside. Pure. Reports every problem it finds, not only the first.
 */
export function checkDocuments(texts: readonly string[], maxMapLength: number = MAP_LENGTH_MAX): { readonly dags: readonly CheckedDag[]; readonly problems: readonly DocumentProblem[] } {
  const dags: CheckedDag[] = [];
  const problems: DocumentProblem[] = [];
  const seen = new Map<string, DagDocument>();
  for (const [index, text] of texts.entries()) {
    const checked = checkDocument(text, index, maxMapLength);
    problems.push(...checked.problems);
    if (checked.dag === null) continue;
    const { document } = checked.dag;
    const first = seen.get(document.dagId);
    if (first) {
      problems.push({ where: document.definedAt, message: `dag "${document.dagId}" is defined twice in this file${first.definedAt ? `, first at ${first.definedAt}` : ''}; dag ids must be unique` });
    } else {
      seen.set(document.dagId, document);
      dags.push(checked.dag);
    }
  }
  return { dags, problems };
}

function checkDocument(text: string, index: number, maxMapLength: number): { dag: CheckedDag | null; problems: DocumentProblem[] } {
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch (error) {
    return { dag: null, problems: [{ where: null, message: `dag document ${index + 1} is not JSON: ${(error as Error).message}` }] };
  }
  const parsed = dagDocumentSchema.safeParse(raw);
  if (!parsed.success) return { dag: null, problems: parsed.error.issues.map((issue) => shapeProblem(raw, issue.path, issue.message)) };

  const document = parsed.data;
  const problems = [...graphProblems(document, maxMapLength), ...valueProblems(document)];
  const compiled = compileTimetable(document.schedule, {
    timezone: document.timezone,
    startMs: document.startDate === null ? null : Date.parse(document.startDate),
    endMs: document.endDate === null ? null : Date.parse(document.endDate),
    catchup: document.catchup,
  });
  if (!compiled.ok) return { dag: null, problems: [...problems, { where: document.definedAt, message: `schedule of dag "${document.dagId}": ${compiled.message}` }] };
  const { timetable } = compiled;
  return { dag: problems.length > 0 ? null : { document, timetable }, problems };
}

function graphProblems(document: DagDocument, maxMapLength: number): DocumentProblem[] {
  const compiled = compilePlan(document as PlanSource);
  if (compiled.ok) return compiled.plan.dimensions.flatMap((dimension) => tooLong(document, dimension, maxMapLength));
  return compiled.errors.map((error) => ({ where: placeOf(document, error), message: `dag "${document.dagId}": ${error.message}` }));
}

/** An expansion over literals only has a length that is known here. */
function tooLong(document: DagDocument, { name, owner, lengths }: PlanDimension, maxMapLength: number): DocumentProblem[] {
  const literals = lengths.flatMap((term) => (term.of === 'literal' ? [term.length] : []));
  const length = literals.length === 0 || literals.length < lengths.length ? 0 : literals.reduce((product, one) => product * one, 1);
  if (length <= maxMapLength) return [];
  const message = `dag "${document.dagId}": "${name}" is expanded to ${length} instances; the limit is ${maxMapLength} (core.max_map_length). Hand it fewer elements, or raise the limit.`;
  return [{ where: document.tasks[owner]?.definedAt ?? document.definedAt, message }];
}

function valueProblems(document: DagDocument): DocumentProblem[] {
  const problems: DocumentProblem[] = [];
  if (!isTimeZone(document.timezone)) {
    problems.push({ where: document.definedAt, message: `dag "${document.dagId}": time zone "${document.timezone}" is not known; use an IANA name such as "Europe/Berlin"` });
  }
  if (holdsNul(document)) {
    problems.push({ where: document.definedAt, message: `dag "${document.dagId}": holds the character U+0000, which cannot be stored; take it out of the text` });
  }
  for (const message of assetProblems(document)) problems.push({ where: document.definedAt, message: `dag "${document.dagId}": ${message}` });
  if (document.schedule?.kind === 'partitionedAssets') {
    const compiled = compilePartitionedAssets(document.schedule);
    if (!compiled.ok) problems.push({ where: document.definedAt, message: `schedule of dag "${document.dagId}": ${compiled.message}` });
  }
  return problems;
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

/** jsonb refuses NUL, wherever in the document it stands. */
function holdsNul(value: unknown): boolean {
  return JSON.stringify(value).replaceAll('\\\\', '').includes('\\u0000');
}

/** Where the last named task is written (the one that closes a cycle, or the second of two equal ids), else the dag. */
function placeOf(document: DagDocument, error: GraphError): string | null {
  for (const taskId of error.taskIds.toReversed()) {
    const place = document.tasks.findLast((task) => task.taskId === taskId)?.definedAt;
    if (place) return place;
  }
  return document.definedAt;
}

/** A schema problem in words; the place is looked up in the unchecked data, as far as it has the right shape. */
function shapeProblem(raw: unknown, path: readonly PropertyKey[], message: string): DocumentProblem {
  const dag = asRecord(raw);
  const tasks = dag?.['tasks'];
  const task = path[0] === 'tasks' && Array.isArray(tasks) ? asRecord(tasks[Number(path[1])]) : null;
  const dagName = typeof dag?.['dagId'] === 'string' ? `dag "${dag['dagId'].slice(0, 250)}"` : 'a dag without id';
  const taskName = typeof task?.['taskId'] === 'string' ? `, task "${task['taskId'].slice(0, 250)}"` : '';
  const field = path.slice(task ? 2 : 0).map(String).join('.');
  return { where: placeIn(task) ?? placeIn(dag), message: `${dagName}${taskName}${field ? `, ${field}` : ''}: ${message}` };
}

function asRecord(value: unknown): Record<string, unknown> | null {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
}

function placeIn(value: Record<string, unknown> | null): string | null {
  const place = value?.['definedAt'];
  return typeof place === 'string' ? place.slice(0, 1_000) : null;
}
