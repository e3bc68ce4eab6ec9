import { groupBy } from '../group-by.js';
import type { Observed } from '../observed.js';

/** One run per dag and logical date; every tick that was due is there, and none beside them. */
export function checkTicks({ runs, ticks }: Observed): string[] {
  const found: string[] = [];
  const dated = runs.filter((run) => run.logicalDate !== null);
  for (const [key, same] of groupBy(dated, (run) => `${run.dagId} ${new Date(run.logicalDate as number).toISOString()}`)) {
    if (same.length > 1) found.push(`${same.length} runs for ${key}`);
  }
  for (const { dagId, everyMs, from, until } of ticks) {
    const present = new Set(dated.filter((run) => run.dagId === dagId && run.runType === 'scheduled').map((run) => run.logicalDate as number));
    for (let at = from; at <= until; at += everyMs) if (!present.has(at)) found.push(`${dagId} has no run for the tick ${new Date(at).toISOString()}`);
    for (const at of present) if ((at - from) % everyMs !== 0) found.push(`${dagId} has a run for ${new Date(at).toISOString()}, which is no tick`);
  }
  return found;
}
