import { dagDocumentSchema, groupSchema, taskSchema } from './dag-document.js';
import type { DagDocument, DagDocumentInput } from './dag-document.js';

const DAG_DEFAULTS: Readonly<Record<string, unknown>> = dagDocumentSchema.parse({ format: 1, dagId: 'x' });
const TASK_DEFAULTS: Readonly<Record<string, unknown>> = taskSchema.parse({ taskId: 'x', operator: 'x' });
const GROUP_DEFAULTS: Readonly<Record<string, unknown>> = groupSchema.parse({ groupId: 'x' });
const OWN = new Set(['format', 'dagId', 'taskId', 'operator', 'groupId']);

/**
 * A complete document without what its defaults say: what is stored, and what a version's hash is made of. A later Millrace that knows
 * more options then finds the same content, and makes no new version of it. `dagDocumentSchema.parse` gives the whole back.
 */
export function compactDocument(document: DagDocument): DagDocumentInput {
  const compact = without(document, DAG_DEFAULTS);
  if (document.tasks.length > 0) compact['tasks'] = document.tasks.map((task) => without(task, TASK_DEFAULTS));
  if (document.groups.length > 0) compact['groups'] = document.groups.map((group) => without(group, GROUP_DEFAULTS));
  return compact as DagDocumentInput;
}

function without(fields: object, defaults: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const kept: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields)) {
    if (OWN.has(name) || !isSame(value, defaults[name])) kept[name] = value;
  }
  return kept;
}

/** Defaults are plain values, empty lists and empty records. */
function isSame(value: unknown, standard: unknown): boolean {
  if (value === standard) return true;
  if (typeof value !== 'object' || value === null || typeof standard !== 'object' || standard === null) return false;
  return Array.isArray(value) === Array.isArray(standard) && Object.keys(value).length === 0 && Object.keys(standard).length === 0;
}
