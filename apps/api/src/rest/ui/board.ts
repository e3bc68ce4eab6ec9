import type { BoardRun } from '@millrace/persistence';
import { instantText } from '../answers.js';
import type { BoardAnswer } from './ui-schemas.js';

/** One letter for each state, so that a board of 365,000 cells is 365 kB and not 20 MB. The UI has the same table. */
export const STATE_LETTERS: Readonly<Record<string, string>> = {
  none: 'n', scheduled: 'c', queued: 'q', running: 'r', success: 's', failed: 'f', skipped: 'k', upstream_failed: 'u', up_for_retry: 'y', up_for_reschedule: 'e',
  deferred: 'd', awaiting_input: 'i', restarting: 't', removed: 'x',
};
/** The task has no instance in this run. */
export const ABSENT = '.';
/** Which state stands for a mapped task: the one that needs a look most. */
const FIRST_SEEN = ['failed', 'upstream_failed', 'up_for_retry', 'restarting', 'running', 'awaiting_input', 'deferred', 'up_for_reschedule', 'queued', 'scheduled', 'none', 'success', 'skipped', 'removed'];

/** `before`: where the next page begins; null at the end. `limit`: how many were asked for; a full page may have a next one. */
export function boardOf(rows: readonly BoardRun[], limit: number): BoardAnswer {
  const places = new Map<string, number>();
  const counted = rows.map((row) => countsOf(row.cells, places));
  const tasks = [...places.keys()];
  const runs = rows.map((row, index) => {
    const counts = counted[index]!;
    const mapped: Record<string, Record<string, number>> = {};
    let cells = '';
    for (let place = 0; place < tasks.length; place++) {
      const states = counts.get(place);
      cells += states === undefined ? ABSENT : STATE_LETTERS[standsFor(states)] ?? ABSENT;
      if (states !== undefined && Object.values(states).reduce((sum, one) => sum + one, 0) > 1) mapped[place] = states;
    }
    return {
      run_id: row.run_id, state: row.state, run_type: row.run_type, run_after: instantText(row.run_after), logical_date: instantText(row.logical_date), queued_at: instantText(row.queued_at),
      start_date: instantText(row.start_date), end_date: instantText(row.end_date), version: row.version_number, note: row.note, backfill_id: row.backfill_id, cells, ...(Object.keys(mapped).length > 0 ? { mapped } : {}),
    };
  });
  return { tasks, runs, before: rows.length === limit ? instantText(rows.at(-1)!.run_after) : null };
}

export function standsFor(states: Readonly<Record<string, number>>): string {
  return FIRST_SEEN.find((state) => (states[state] ?? 0) > 0) ?? 'none';
}

function countsOf(cells: string | null, places: Map<string, number>): Map<number, Record<string, number>> {
  const counts = new Map<number, Record<string, number>>();
  for (const line of cells === null ? [] : cells.split('\n')) {
    const [task, state, count] = line.split('\t') as [string, string, string];
    let place = places.get(task);
    if (place === undefined) places.set(task, (place = places.size));
    const states = counts.get(place);
    if (states === undefined) counts.set(place, { [state]: Number(count) });
    else states[state] = Number(count);
  }
  return counts;
}
