import { describe, expect, it } from 'vitest';
import type { BoardPage, Structure, TaskShape } from '../rest/shapes.js';
import { boardOf, countsAt, letterAt } from './board.js';
import { placesInOrder, taskRows } from './task-order.js';

const task = (id: string, upstream: readonly string[] = [], group: string | null = null): TaskShape => ({
  id, label: id, operator: 'x', upstream, group, rule: 'all_success', mapped: false, setup: false, teardown: false, sensor: false, queue: 'default', pool: 'default_pool', retries: 0, doc: null, defined_at: null, inlets: [], outlets: [],
});
const structure = (tasks: readonly TaskShape[], groups: readonly (readonly [string, string | null])[] = []): Structure => ({
  tasks, groups: groups.map(([id, parent]) => ({ id, label: id, parent, tooltip: '', mapped: false })), edge_labels: {}, schedule: null,
});
const page = (tasks: readonly string[], runs: Readonly<Record<string, string>>, mapped: Readonly<Record<string, Readonly<Record<string, number>>>> = {}): BoardPage => ({
  tasks, before: null,
  runs: Object.entries(runs).map(([run_id, cells]) => ({ run_id, cells, mapped, state: 'success', run_type: 'manual', run_after: '', logical_date: null, queued_at: null, start_date: null, end_date: null, version: 1, note: null, backfill_id: null })),
});

const nested = structure([task('last', ['g.b', 'g.h.c']), task('g.b', ['first'], 'g'), task('g.h.c', ['first'], 'g.h'), task('first')], [['g', null], ['g.h', 'g']]);

describe('rows of a board', () => {
  it('stand in the order tasks run, groups around theirs, ids without what their group says', () => {
    const rows = taskRows(nested, new Set());
    expect(rows.map((row) => [row.kind, row.label, row.depth])).toEqual([['task', 'first', 0], ['group', 'g', 0], ['task', 'b', 1], ['group', 'g.h', 1], ['task', 'c', 2], ['task', 'last', 0]]);
    expect(rows.find((row) => row.id === 'g')?.members).toEqual([1, 2]);
  });

  it('fold', () => {
    expect(taskRows(nested, new Set(['g'])).map((row) => row.id)).toEqual(['first', 'g', 'last']);
    expect(taskRows(nested, new Set(['g.h'])).map((row) => row.id)).toEqual(['first', 'g', 'g.b', 'g.h', 'last']);
  });

  it('survive what no dag should have: cycles, groups in themselves, unknown groups', () => {
    expect(placesInOrder(structure([task('a', ['b']), task('b', ['a']), task('c')]))).toEqual([3, 3, 0]);
    expect(taskRows(structure([task('a', ['gone'], 'nowhere')], [['x', 'x']]), new Set()).map((row) => row.id)).toEqual(['a']);
  });
});

describe('cells of a board', () => {
  const board = boardOf(nested, [page(['first', 'g.b', 'g.h.c', 'last', 'old'], { new: 'ssfus', newer: 'srn..' }, { 1: { success: 3, running: 1 } }), page(['last', 'first'], { old: 'ks' })]);
  const rows = taskRows(nested, new Set());
  const cell = (id: string, run: number): string => letterAt(board, rows.find((row) => row.id === id)!, run);

  it('find a task in every page, whatever its place there', () => {
    expect(['first', 'last'].map((id) => [0, 1, 2].map((run) => cell(id, run)).join(''))).toEqual(['sss', 'u.k']);
  });

  it('show of a group what needs a look most, and nothing where it has nothing', () => {
    expect([0, 1, 2].map((run) => cell('g', run)).join('')).toBe('fr.');
  });

  it('count mapped instances, and the members of groups', () => {
    expect(countsAt(board, rows.find((row) => row.id === 'g')!, 0)).toEqual({ success: 3, running: 1, failed: 1 });
  });

  it('keep tasks that only older versions have', () => {
    const gone = { kind: 'task', id: 'old', label: 'old', depth: 0, members: [], isMapped: false, isFolded: false, isGone: true } as const;
    expect([...board.gone.keys()]).toEqual(['old']);
    expect([0, 1, 2].map((run) => letterAt(board, gone, run)).join('')).toBe('s..');
  });
});
