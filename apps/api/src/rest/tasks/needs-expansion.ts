import type { DagDocument, TaskDocument } from '@millrace/contracts';

/** Whether a task has instances with indexes: it is mapped itself, or stands in a mapped group or a loop, at any depth. */
export function needsExpansion(document: DagDocument, task: TaskDocument): boolean {
  if (task.expand !== null) return true;
  const groups = new Map(document.groups.map((group) => [group.groupId, group]));
  const seen = new Set<string>();
  for (let at = task.group; at !== null && !seen.has(at); at = groups.get(at)?.parent ?? null) {
    seen.add(at);
    const group = groups.get(at);
    if (group !== undefined && (group.expand !== null || group.loop !== null)) return true;
  }
  return false;
}
