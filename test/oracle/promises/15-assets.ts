import { groupBy } from '../group-by.js';
import { nameOf, type Observed } from '../observed.js';

/** Each success of a task with outlets is one event of each, no more and no less; each event is in one run of every dag that runs for any of its assets. */
export function checkAssets({ instances, runs, documents, assetEvents }: Observed): string[] {
  const found: string[] = [];
  const versionOf = new Map(runs.map((run) => [run.id, run.versionId]));
  const eventsOf = groupBy(assetEvents, (event) => nameOf(event));
  for (const row of instances) {
    const outlets = documents.get(versionOf.get(row.dagRunId) ?? '')?.tasks.find((task) => task.taskId === row.taskId)?.outlets ?? [];
    for (const asset of outlets) {
      const count = (eventsOf.get(nameOf(row)) ?? []).filter((event) => event.asset === asset).length;
      const expected = row.state === 'success' ? 1 : 0;
      if (count !== expected) found.push(`${nameOf(row)} is ${row.state ?? 'none'}, and asset ${asset} has ${count} events of it`);
    }
  }
  const listeners = new Map([...documents.values()].flatMap((document) => document.anyOf.map((asset) => [asset, document] as const)));
  for (const event of assetEvents) {
    if (!listeners.has(event.asset)) continue;
    if (event.consumedBy.length !== 1) found.push(`event ${event.id} of asset ${event.asset} (${nameOf(event)}) is in ${event.consumedBy.length} runs`);
  }
  return found;
}
