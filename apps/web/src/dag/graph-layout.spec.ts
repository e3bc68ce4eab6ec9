import { describe, expect, it } from 'vitest';
import Elk from 'elkjs/lib/elk.bundled.js';
import type { ELK } from 'elkjs/lib/elk-api.js';
import type { Structure, TaskShape } from '../rest/shapes.js';
import { fromElk, roundedPath, toElk } from './graph-layout.js';
import { differenceOf } from './version-difference.js';

const task = (id: string, upstream: readonly string[] = [], group: string | null = null, more: Partial<TaskShape> = {}): TaskShape => ({
  id, label: id, operator: 'x', upstream, group, rule: 'all_success', mapped: false, setup: false, teardown: false, sensor: false, queue: 'default', pool: 'default_pool', retries: 0, doc: null, defined_at: null, inlets: [], outlets: [], ...more,
});
const structure: Structure = {
  tasks: [task('a', [], null, { outlets: ['data'] }), task('g.b', ['a'], 'g'), task('g.i.c', ['g.b'], 'g.i'), task('d', ['g.b', 'g.i.c'])],
  groups: [{ id: 'g', label: 'g', parent: null, tooltip: '', mapped: false }, { id: 'g.i', label: 'i', parent: 'g', tooltip: '', mapped: false }], edge_labels: { a: { 'g.b': 'good' } }, schedule: null,
};
const DOWN = { isDown: false, withAssets: true };
const elk = new (Elk as unknown as new () => ELK)();

describe('the graph', () => {
  it('is laid out with groups in groups, arrows across their edges, labels and assets', async () => {
    const { graph, kinds } = toElk(structure, new Set(), DOWN);
    const layout = fromElk(await elk.layout(graph), kinds);
    expect(layout.nodes.map((node) => [node.id, node.kind, node.parent])).toEqual([
      ['task:a', 'task', null], ['group:g', 'group', null], ['task:g.b', 'task', 'group:g'], ['group:g.i', 'group', 'group:g'], ['task:g.i.c', 'task', 'group:g.i'], ['asset:data', 'asset', null], ['task:d', 'task', null],
    ].toSorted((x, y) => layout.nodes.findIndex((node) => node.id === x[0]) - layout.nodes.findIndex((node) => node.id === y[0])));
    expect(layout.edges.find((edge) => edge.to === 'task:g.b')).toMatchObject({ from: 'task:a', label: 'good' });
    expect(layout.edges.every((edge) => edge.points.length >= 2)).toBe(true);
    // Arrows are told from the graph's own corner, also inside groups: they end where their nodes are.
    const at = (id: string): { x: number; y: number } => {
      const node = layout.nodes.find((one) => one.id === id)!;
      const parent = node.parent === null ? { x: 0, y: 0 } : at(node.parent);
      return { x: parent.x + node.x, y: parent.y + node.y };
    };
    for (const edge of layout.edges) expect(Math.abs(edge.points.at(-1)!.x - at(edge.to).x), edge.id).toBeLessThan(1.5);
  });

  it('draws a folded group as one node and each arrow to it once', () => {
    const { graph, kinds } = toElk(structure, new Set(['g']), { ...DOWN, withAssets: false });
    expect(graph.children!.map((node) => node.id)).toEqual(['task:a', 'group:g', 'task:d']);
    expect(kinds.get('group:g')?.kind).toBe('folded');
    expect(graph.edges!.map((edge) => edge.id)).toEqual(['task:a→group:g', 'group:g→task:d']);
  });

  it('rounds corners and keeps the ends', () => {
    expect(roundedPath([{ x: 0, y: 0 }, { x: 10, y: 0 }, { x: 10, y: 20 }], 4)).toBe('M 0 0 L 6 0 Q 10 0 10 4 L 10 20');
    expect(roundedPath([])).toBe('');
  });
});

describe('two versions', () => {
  it('differ by what was added, removed and changed, but not by where it is written', () => {
    const after: Structure = { ...structure, tasks: [task('a', [], null, { outlets: ['data'], defined_at: 'x.ts:9' }), task('g.b', ['a'], 'g', { retries: 3 }), task('new', ['a']), task('d', ['g.b'])] };
    const { marks, merged } = differenceOf(structure, after);
    expect(Object.fromEntries(marks)).toEqual({ 'g.b': 'changed', new: 'added', d: 'changed', 'g.i.c': 'removed' });
    expect(merged.tasks.map((one) => one.id)).toContain('g.i.c');
  });
});
