import { ABSENT, LETTERS, rankOf } from '../look/states.js';
import type { BoardPage, BoardRun, Structure } from '../rest/shapes.js';
import type { TaskRow } from './task-order.js';

/** Runs of several pages with the way from a task of the structure to its letter. */
export interface Board {
  readonly runs: readonly BoardRun[];
  /** By run: for each task of the structure its place in `cells`, -1 for none. */
  readonly places: readonly (readonly number[])[];
  /** Tasks of older versions, with their place by run. */
  readonly gone: ReadonlyMap<string, readonly number[]>;
}

export function boardOf(structure: Structure, pages: readonly BoardPage[]): Board {
  const known = new Set(structure.tasks.map((task) => task.id));
  const runs: BoardRun[] = [];
  const places: (readonly number[])[] = [];
  const gone = new Map<string, number[]>();
  for (const page of pages) {
    const at = new Map(page.tasks.map((task, place) => [task, place]));
    const ofPage = structure.tasks.map((task) => at.get(task.id) ?? -1);
    const lost = page.tasks.flatMap((task, place) => (known.has(task) ? [] : [[task, place] as const]));
    for (const run of page.runs) {
      for (const [task, place] of lost) {
        let list = gone.get(task);
        if (list === undefined) gone.set(task, (list = []));
        list[runs.length] = place;
      }
      runs.push(run);
      places.push(ofPage);
    }
  }
  return { runs, places, gone };
}

/** The letter a row shows for a run: of its task, or of the member of its group that needs a look most. */
export function letterAt(board: Board, row: TaskRow, run: number): string {
  const cells = board.runs[run]!.cells;
  if (row.isGone) return cells[board.gone.get(row.id)?.[run] ?? -1] ?? ABSENT;
  const places = board.places[run]!;
  let shown = ABSENT;
  let best = Number.POSITIVE_INFINITY;
  for (const member of row.members) {
    const letter = cells[places[member]!] ?? ABSENT;
    if (row.members.length === 1) return letter;
    if (letter === ABSENT) continue;
    const rank = RANKS[letter] ?? 99;
    if (rank < best) [best, shown] = [rank, letter];
  }
  return shown;
}

/** How many instances are in which state, for what a hovering person reads. */
export function countsAt(board: Board, row: TaskRow, run: number): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  const one = board.runs[run]!;
  for (const member of row.isGone ? [-1] : row.members) {
    const place = row.isGone ? (board.gone.get(row.id)?.[run] ?? -1) : board.places[run]![member]!;
    const mapped = one.mapped?.[place];
    const letter = one.cells[place] ?? ABSENT;
    if (mapped !== undefined) for (const [state, count] of Object.entries(mapped)) counts[state] = (counts[state] ?? 0) + count;
    else if (letter !== ABSENT) counts[LETTERS[letter]!] = (counts[LETTERS[letter]!] ?? 0) + 1;
  }
  return counts;
}

const RANKS: Readonly<Record<string, number>> = Object.fromEntries(Object.entries(LETTERS).map(([letter, state]) => [letter, rankOf(state)]));
