import type { ElkExtendedEdge, ElkNode } from 'elkjs/lib/elk-api.js';
import type { GroupShape, Structure } from '../rest/shapes.js';

export interface PlacedNode {
  readonly id: string;
  readonly kind: 'task' | 'group' | 'folded' | 'asset';
  readonly label: string;
  readonly parent: string | null;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}
export interface PlacedEdge {
  readonly id: string;
  readonly from: string;
  readonly to: string;
  readonly label: string | null;
  readonly isAsset: boolean;
  /** Corners, from the source to the target, from the graph's own corner. */
  readonly points: readonly { readonly x: number; readonly y: number }[];
  readonly labelAt: { readonly x: number; readonly y: number } | null;
}
export interface Layout {
  readonly nodes: readonly PlacedNode[];
  readonly edges: readonly PlacedEdge[];
}

export const TASK_HEIGHT = 46;
const ROOT = 'root:';
const OPTIONS = {
  'elk.algorithm': 'layered', 'elk.edgeRouting': 'ORTHOGONAL', 'elk.layered.nodePlacement.strategy': 'BRANDES_KOEPF', 'elk.layered.nodePlacement.bk.fixedAlignment': 'BALANCED',
  'elk.layered.spacing.nodeNodeBetweenLayers': '52', 'elk.spacing.nodeNode': '22', 'elk.layered.spacing.edgeNodeBetweenLayers': '18', 'elk.spacing.edgeNode': '14', 'elk.spacing.edgeEdge': '8',
  'elk.hierarchyHandling': 'INCLUDE_CHILDREN', 'elk.json.edgeCoords': 'ROOT', 'elk.layered.thoroughness': '5',
};

/** The graph as ELK takes it: folded groups are single nodes, arrows in and out of them are drawn once. */
export function toElk(structure: Structure, folded: ReadonlySet<string>, options: { readonly isDown: boolean; readonly withAssets: boolean }): { readonly graph: ElkNode; readonly kinds: ReadonlyMap<string, Pick<PlacedNode, 'kind' | 'label' | 'parent'>> } {
  const groups = new Map(structure.groups.map((group) => [group.id, group]));
  const kinds = new Map<string, Pick<PlacedNode, 'kind' | 'label' | 'parent'>>();
  const outermostFolded = (group: string | null): string | null => {
    let found: string | null = null;
    const seen = new Set<string>();
    for (let up = group; up !== null && groups.has(up) && !seen.has(up); up = groups.get(up)!.parent) {
      seen.add(up);
      if (folded.has(up)) found = up;
    }
    return found;
  };
  /** What stands for a task in the picture. */
  const shown = new Map<string, string>();
  const nodes = new Map<string, ElkNode>();
  const childrenOf = new Map<string | null, ElkNode[]>();
  const place = (parent: string | null, node: ElkNode): void => {
    nodes.set(node.id, node);
    const list = childrenOf.get(parent);
    if (list === undefined) childrenOf.set(parent, [node]);
    else list.push(node);
  };
  const nameOf = (group: string): string => `group:${group}`;
  const makeGroup = (group: GroupShape): void => {
    const id = nameOf(group.id);
    if (nodes.has(id)) return;
    const parent = group.parent !== null && groups.has(group.parent) ? group.parent : null;
    if (parent !== null) makeGroup(groups.get(parent)!);
    const isFolded = folded.has(group.id);
    kinds.set(id, { kind: isFolded ? 'folded' : 'group', label: group.label, parent: parent === null ? null : nameOf(parent) });
    place(parent === null ? null : nameOf(parent), isFolded ? { id, width: widthOf(group.label) + 26, height: TASK_HEIGHT } : { id, layoutOptions: { ...OPTIONS, ...direction(options.isDown), 'elk.padding': '[top=38,left=16,bottom=16,right=16]' } });
  };
  for (const task of structure.tasks) {
    const standsFor = outermostFolded(task.group);
    if (standsFor !== null) {
      makeGroup(groups.get(standsFor)!);
      shown.set(task.id, nameOf(standsFor));
      continue;
    }
    const group = task.group !== null && groups.has(task.group) ? groups.get(task.group)! : null;
    if (group !== null) makeGroup(group);
    const id = `task:${task.id}`;
    const label = group !== null && task.label === task.id && task.id.startsWith(`${group.id}.`) ? task.id.slice(group.id.length + 1) : task.label;
    shown.set(task.id, id);
    kinds.set(id, { kind: 'task', label, parent: group === null ? null : nameOf(group.id) });
    place(group === null ? null : nameOf(group.id), { id, width: Math.max(widthOf(label), widthOf(task.operator, 6.1) + DURATION_PX), height: TASK_HEIGHT });
  }
  for (const [id, node] of nodes) {
    const children = childrenOf.get(id);
    if (children !== undefined) node.children = children;
  }
  const edges = new Map<string, ElkExtendedEdge>();
  const arrow = (from: string, to: string, label: string | null): void => {
    const id = `${from}→${to}`;
    if (from === to || edges.has(id)) return;
    edges.set(id, { id, sources: [from], targets: [to], ...(label === null ? {} : { labels: [{ id: `${id}:label`, text: label, width: label.length * 6.4 + 8, height: 16 }] }) });
  };
  for (const task of structure.tasks) {
    for (const up of task.upstream) {
      const from = shown.get(up);
      if (from !== undefined) arrow(from, shown.get(task.id)!, structure.edge_labels[up]?.[task.id] ?? null);
    }
    if (!options.withAssets) continue;
    const asset = (name: string): string => {
      const id = `asset:${name}`;
      if (!nodes.has(id)) {
        kinds.set(id, { kind: 'asset', label: name, parent: null });
        place(null, { id, width: widthOf(name) + 8, height: 32 });
      }
      return id;
    };
    for (const name of task.inlets) arrow(asset(name), shown.get(task.id)!, null);
    for (const name of task.outlets) arrow(shown.get(task.id)!, asset(name), null);
  }
  // The file's order where nothing else decides. ELK 0.12 fails on it as soon as an arrow crosses the edge of a group.
  const order: Record<string, string> = [...kinds.values()].some((one) => one.kind === 'group') ? {} : { 'elk.layered.considerModelOrder.strategy': 'NODES_AND_EDGES' };
  return { graph: { id: ROOT, layoutOptions: { ...OPTIONS, ...order, ...direction(options.isDown) }, children: childrenOf.get(null) ?? [], edges: [...edges.values()] }, kinds };
}

/** Reads ELK's answer. */
export function fromElk(graph: ElkNode, kinds: ReadonlyMap<string, Pick<PlacedNode, 'kind' | 'label' | 'parent'>>): Layout {
  const nodes: PlacedNode[] = [];
  const walk = (node: ElkNode): void => {
    for (const child of node.children ?? []) {
      nodes.push({ id: child.id, ...kinds.get(child.id)!, x: child.x ?? 0, y: child.y ?? 0, width: child.width ?? 0, height: child.height ?? 0 });
      walk(child);
    }
  };
  walk(graph);
  const edges = (graph.edges ?? []).map((edge): PlacedEdge => {
    const section = edge.sections?.[0];
    const label = edge.labels?.[0];
    return {
      id: edge.id, from: edge.sources[0]!, to: edge.targets[0]!, label: label?.text ?? null, isAsset: edge.sources[0]!.startsWith('asset:') || edge.targets[0]!.startsWith('asset:'),
      points: section === undefined ? [] : [section.startPoint, ...(section.bendPoints ?? []), section.endPoint],
      labelAt: label?.x === undefined ? null : { x: label.x + (label.width ?? 0) / 2, y: (label.y ?? 0) + (label.height ?? 0) / 2 },
    };
  });
  return { nodes, edges };
}

/** Straight lines with round corners. */
export function roundedPath(points: PlacedEdge['points'], radius = 7): string {
  if (points.length === 0) return '';
  let path = `M ${points[0]!.x} ${points[0]!.y}`;
  for (let at = 1; at < points.length - 1; at++) {
    const [before, corner, after] = [points[at - 1]!, points[at]!, points[at + 1]!];
    const cut = (to: { x: number; y: number }): { x: number; y: number } => {
      const length = Math.hypot(to.x - corner.x, to.y - corner.y) || 1;
      const by = Math.min(radius, length / 2) / length;
      return { x: corner.x + (to.x - corner.x) * by, y: corner.y + (to.y - corner.y) * by };
    };
    const [into, out] = [cut(before), cut(after)];
    path += ` L ${into.x} ${into.y} Q ${corner.x} ${corner.y} ${out.x} ${out.y}`;
  }
  const last = points.at(-1)!;
  return `${path} L ${last.x} ${last.y}`;
}

function direction(isDown: boolean): Record<string, string> {
  return { 'elk.direction': isDown ? 'DOWN' : 'RIGHT' };
}

/** Near enough without measuring: letters of the UI's font, and room for mark and edges. */
/** Beside the operator stands how long it took. */
const DURATION_PX = 30;

function widthOf(text: string, perLetter = 7.1): number {
  let letters = 0;
  for (const letter of text) letters += letter.codePointAt(0)! > 0x2e80 ? 1.9 : 1;
  return Math.round(Math.min(300, Math.max(96, letters * perLetter + 46)));
}
