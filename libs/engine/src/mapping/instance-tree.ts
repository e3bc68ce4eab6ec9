import type { IndexPath } from '@millrace/vocabulary';
import type { Instance, Run, UpstreamCounts } from '../run/run.js';

/**
 * The instances of a task with an index path, by path. An inner node is the *stand-in* of what is expanded below it: it stands for all
 * of it until the length is known, and is `removed` afterwards. Its counts are those all below it have in common, so that what
 * happens upstream of ten thousand instances costs one addition.
 */
export interface TaskTree {
  root: TreeNode | null;
  /** Instances in state none, and in state scheduled. */
  undecided: number;
  scheduled: number;
}

export interface TreeNode {
  readonly instance: Instance;
  readonly parent: TreeNode | null;
  /** By index. */
  readonly children: TreeNode[];
}

/** false: it has no place, because what is above it in its path is missing. */
export function plant(tree: TaskTree, instance: Instance): boolean {
  const { indexPath } = instance;
  const last = indexPath.at(-1);
  if (last === undefined) {
    tree.root = { instance, parent: null, children: [] };
    return true;
  }
  const parent = nodeAt(tree, indexPath, indexPath.length - 1);
  // In order and without gaps, or arrays would turn into dictionaries.
  if (parent === undefined || parent.children.length !== last) return false;
  parent.children.push({ instance, parent, children: [] });
  return true;
}

export function nodeAt(tree: TaskTree, path: IndexPath, length: number): TreeNode | undefined {
  let node = tree.root ?? undefined;
  for (let at = 0; at < length && node !== undefined; at++) node = node.children[path[at] ?? -1];
  return node;
}

export function walk(node: TreeNode, visit: (instance: Instance) => void): void {
  visit(node.instance);
  for (const child of node.children) walk(child, visit);
}

/** Nodes at a depth below a node, itself included. */
export function* nodesAtDepth(node: TreeNode, depth: number): Generator<TreeNode> {
  if (node.instance.indexPath.length === depth) yield node;
  else for (const child of node.children) yield* nodesAtDepth(child, depth);
}

/** All instances by task and index path, however they came into memory: a replay looks at them in the same order. */
export function allInstances(run: Run): Iterable<Instance> {
  return run.plan.dimensions.length === 0 ? run.instances.values() : inOrder(run);
}

/** The same of one task. */
export function instancesOf(run: Run, position: number): readonly Instance[] {
  const root = run.book.trees[position]?.root;
  if (root == null) return run.book.byTask[position] ?? [];
  const found: Instance[] = [];
  walk(root, (instance) => found.push(instance));
  return found;
}

function* inOrder(run: Run): Generator<Instance> {
  for (const { position } of run.plan.tasks) yield* instancesOf(run, position);
}

/** What is upstream of an instance: its own counts, and those it has in common with others. */
export function countsOf(run: Run, instance: Instance, which: 'upstream' | 'setups'): UpstreamCounts | null {
  const tree = run.book.trees[instance.task];
  if (tree == null || instance.indexPath.length === 0 || instance[which] === null) return instance[which];
  const sum: UpstreamCounts = { total: 0, success: 0, failed: 0, skipped: 0, upstreamFailed: 0, removed: 0 };
  for (let node: TreeNode | null = nodeAt(tree, instance.indexPath, instance.indexPath.length) ?? null; node !== null; node = node.parent) {
    const counts = node.instance[which];
    if (counts === null) continue;
    sum.total += counts.total;
    sum.success += counts.success;
    sum.failed += counts.failed;
    sum.skipped += counts.skipped;
    sum.upstreamFailed += counts.upstreamFailed;
    sum.removed += counts.removed;
  }
  return sum;
}

/** Whether it stands for instances that have come into being. */
export function isExpanded(instance: Instance): boolean {
  return instance.expandedTo !== null && instance.expandedTo > 0;
}
