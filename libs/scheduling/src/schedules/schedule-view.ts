import { dagDocumentSchema } from '@millrace/contracts';
import { comingRuns } from '@millrace/engine';
import type { NextRun } from '@millrace/engine';
import { publishedRuns, scheduleFacts } from '@millrace/persistence';
import type { Database } from '@millrace/persistence';
import { scheduleWarnings } from './schedule-warnings.js';
import { timetableOf } from './timetable-of.js';

/** When a dag runs, for people. */
export interface ScheduleView {
  /** null: it runs only when triggered. */
  readonly summary: string | null;
  readonly description: string | null;
  readonly timezone: string;
  readonly isPaused: boolean;
  readonly warnings: readonly string[];
  /** As they will be made from now on; the first may be due already. */
  readonly runs: readonly NextRun[];
  /** Of a timetable written in dag code: the newest run that is worked out; null for all others. */
  readonly publishedUntilMs: number | null;
}

/** null: there is no such dag, or it has no version yet. */
export async function scheduleOf(database: Database, dagId: string, count: number): Promise<ScheduleView | null> {
  const facts = await scheduleFacts(database, dagId);
  if (facts === null) return null;
  const document = dagDocumentSchema.parse(facts.document);
  const isCustom = document.schedule?.kind === 'custom';
  const published = isCustom ? ((await publishedRuns(database, [dagId])).get(dagId) ?? []) : undefined;
  const timetable = timetableOf(document, published);
  const warnings = [...scheduleWarnings(document, timetable, facts.source), ...(facts.error === null ? [] : [`the timetable could not be gone on with: ${facts.error}`])];
  return {
    summary: timetable?.summary ?? null,
    description: timetable?.description ?? null,
    timezone: document.schedule !== null && 'timezone' in document.schedule ? document.schedule.timezone : document.timezone,
    isPaused: facts.isPaused,
    warnings,
    runs: timetable === null ? [] : comingRuns(timetable, facts.pending, facts.nowMs, count),
    publishedUntilMs: published?.at(-1)?.logicalDateMs ?? null,
  };
}
