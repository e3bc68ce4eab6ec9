import type { DagDocument } from '@millrace/contracts';
import type { AssetReference } from '@millrace/persistence';

/** Every asset a dag waits for, reads or writes, once per use. */
export function assetReferences(document: DagDocument): readonly AssetReference[] {
  const references: AssetReference[] = [];
  if (document.schedule?.kind === 'assets') collect(document.schedule.condition, references);
  for (const task of document.tasks) {
    for (const inlet of task.inlets) references.push({ ...inlet, kind: 'inlet', taskId: task.taskId });
    for (const outlet of task.outlets) references.push({ ...outlet, kind: 'outlet', taskId: task.taskId });
  }
  return references;
}

/** A condition nests `any` and `all` around assets; whatever has a name and a uri is one. */
function collect(condition: unknown, into: AssetReference[]): void {
  if (Array.isArray(condition)) {
    for (const part of condition) collect(part, into);
    return;
  }
  if (typeof condition !== 'object' || condition === null) return;
  const { name, uri, group, extra } = condition as Record<string, unknown>;
  if (typeof name === 'string' && typeof uri === 'string') {
    into.push({ name, uri, group: typeof group === 'string' ? group : 'asset', extra: extra ?? {}, kind: 'schedule', taskId: '' });
    return;
  }
  for (const part of Object.values(condition)) collect(part, into);
}
