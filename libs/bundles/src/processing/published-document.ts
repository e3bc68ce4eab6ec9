import { dagDocumentSchema, taskSchema } from '@millrace/contracts';
import type { DagDocument } from '@millrace/contracts';

type Fields = Readonly<Record<string, unknown>>;

const DAG_DEFAULTS: Fields = dagDocumentSchema.parse({ format: 1, dagId: 'any' });
const TASK_DEFAULTS: Fields = taskSchema.parse({ taskId: 'any', operator: 'any' });
/** Always written: what a document is, and what it is about. */
const KEPT = new Set(['format', 'dagId', 'taskId', 'operator', 'tasks']);

/**
 * A document as text for the api, which fills the defaults in again: without them a plain task takes 70 bytes instead of 750,
 * and a file of 100,000 tasks fits into one message.
 */
export function publishedDocument(document: DagDocument): string {
  return JSON.stringify({ ...without(document, DAG_DEFAULTS), tasks: document.tasks.map((task) => without(task, TASK_DEFAULTS)) });
}

function without(fields: Fields, defaults: Fields): Fields {
  const told: Record<string, unknown> = {};
  for (const name of Object.keys(fields)) if (KEPT.has(name) || !isSame(fields[name], defaults[name])) told[name] = fields[name];
  return told;
}

/** Defaults are texts, numbers, truth values, null, and empty lists and objects. */
function isSame(value: unknown, preset: unknown): boolean {
  if (value === preset) return true;
  if (typeof value !== 'object' || typeof preset !== 'object' || value === null || preset === null) return false;
  return Array.isArray(value) === Array.isArray(preset) && Object.keys(value).length === 0 && Object.keys(preset).length === 0;
}
