import type { IndexPath } from '@millrace/vocabulary';
import { isFinished } from '@millrace/vocabulary';
import type { PlanTask } from '../graph/plan.js';
import { cancel } from '../run/cancelling.js';
import { classOf, countIn, enter, link, register, retire, setFreeTries, reconsider, touch } from '../run/evolve.js';
import { newInstance } from '../run/new-instance.js';
import type { Instance, Run } from '../run/run.js';
import type { Step } from '../run/step.js';
import type { PlanDimension } from './dimensions.js';
import type { TreeNode } from './instance-tree.js';
import { isExpanded, nodeAt, nodesAtDepth, walk } from './instance-tree.js';
import { lengthOf } from './lengths.js';
import { forEachEdgeBelow, recount } from './count-below.js';

/** Expands what can be when a run begins: literals, and the first iteration of loops. */
export function expandFromTheStart(step: Step): void {
  for (const dimension of step.run.plan.dimensions) if (dimension.depth === 0) expand(step, dimension, []);
}

/** A task that others are expanded over has ended well: its length is known. */
export function expandOver(step: Step, source: Instance): void {
  const { plan } = step.run;
  for (const position of plan.tasks[source.task]?.mapping?.feeds ?? []) {
    const dimension = plan.dimensions[position];
    if (dimension === undefined) continue;
    for (const prefix of prefixesUnder(step.run, dimension, source.indexPath)) expand(step, dimension, prefix);
  }
}

/**
 * A stand-in whose rule lets it run: expanded, if its length is known by now; skipped over nothing; failed, or upstream_failed, if there never
 * will be a length. Else it waits for the end of what it is expanded over.
 */
export function settleStandIn(step: Step, standIn: Instance): void {
  const dimension = dimensionOf(step.run, standIn);
  if (dimension === undefined) return;
  const length = lengthOf(step.run, dimension, standIn.indexPath, step.room.maxMapLength);
  if (length === 'unknown') return;
  if (typeof length !== 'number') {
    // Nothing ran and failed here, so fail fast does not stop the rest: only ends of attempts do.
    enter(step, standIn, length.state, length.reason);
  } else if (length > 0) resize(step, dimension, standIn.indexPath, length);
  else {
    standIn.expandedTo = 0;
    enter(step, standIn, 'skipped', 'nothing to map over: the list is empty');
  }
}

/** A stand-in that was expanded before, and something of what it is expanded over has changed. */
export function reconsiderLength(step: Step, standIn: Instance): void {
  const dimension = dimensionOf(step.run, standIn);
  if (dimension !== undefined && dimension.loop === null && standIn.expandedTo !== null) expand(step, dimension, standIn.indexPath);
}

/** The loop goes on: its next iteration comes into being, and what its last one said no longer counts outside. */
export function iterateTo(step: Step, dimension: PlanDimension, prefix: IndexPath, iterations: number): void {
  const { run } = step;
  const stay: Instance[] = [];
  for (const position of dimension.tasks) {
    const tree = run.book.trees[position];
    const node = tree == null ? undefined : nodeAt(tree, prefix, dimension.depth);
    for (const child of (node?.children ?? []).slice(0, Math.min(iterations, node?.instance.expandedTo ?? 0))) walk(child, (instance) => stay.push(instance));
  }
  recount(step, stay, (instance) => classOf(instance.state), reconsider, () => resize(step, dimension, prefix, iterations));
}

function expand(step: Step, dimension: PlanDimension, prefix: IndexPath): void {
  const length = lengthOf(step.run, dimension, prefix, step.room.maxMapLength);
  if (length === 'unknown') return;
  resize(step, dimension, prefix, typeof length === 'number' ? length : null);
}

/**
 * So many instances under a path, for all tasks of a dimension: new ones come into being, surplus ones are removed, the others stay as they are.
 * null: there is no length any more. O(instances made or removed).
 */
function resize(step: Step, dimension: PlanDimension, prefix: IndexPath, length: number | null): void {
  const { run } = step;
  const made: Instance[] = [];
  const grown: TreeNode[] = [];
  for (const position of dimension.tasks) {
    const tree = run.book.trees[position];
    const node = tree == null ? undefined : nodeAt(tree, prefix, dimension.depth);
    const task = run.plan.tasks[position];
    if (node === undefined || task === undefined) continue;
    const standIn = node.instance;
    // What was decided without being expanded (skipped by a branch, failed upstream) stays so until it is cleared.
    const mayGrow = standIn.state === null || isExpanded(standIn) || (standIn.expandedTo === 0 && standIn.state === 'skipped');
    if (!mayGrow) continue;
    if ((length ?? 0) === 0) {
      if (standIn.state === null && !isExpanded(standIn)) {
        step.pending.push(standIn);
        continue;
      }
      if (standIn.expandedTo === 0 && length === 0) continue;
      for (const child of node.children) remove(step, child);
      standIn.expandedTo = null;
      enter(step, standIn, null, null);
      continue;
    }
    if (standIn.expandedTo === length) continue;
    grown.push(node);
    grow(step, task, node, length ?? 0, made);
  }
  count(step, made);
  for (const node of grown) {
    node.instance.expandedTo = length;
    touch(step, node.instance);
    if (node.instance.state !== 'removed') enter(step, node.instance, 'removed', dimension.loop !== null ? 'a loop: see its iterations' : 'expanded: see its instances');
  }
  for (const instance of made) step.pending.push(instance);
  for (const position of dimension.inner) {
    const inner = run.plan.dimensions[position];
    if (inner === undefined) continue;
    for (const path of prefixesUnder(run, inner, prefix)) if (needsExpansion(run, inner, path)) expand(step, inner, path);
  }
}

function grow(step: Step, task: PlanTask, node: TreeNode, length: number, made: Instance[]): void {
  const { run } = step;
  const { indexPath } = node.instance;
  for (let index = 0; index < length; index++) {
    const child = node.children[index];
    if (child === undefined) {
      const instance = newInstance(run, task, [...indexPath, index]);
      register(run, instance);
      made.push(instance);
    } else if (child.instance.state === 'removed' && !isExpanded(child.instance)) revive(step, child.instance);
  }
  for (const child of node.children.slice(length)) remove(step, child);
}

/** New ones are counted in those below, and count what is above; those that are new on both sides once. */
function count(step: Step, made: readonly Instance[]): void {
  const fresh = new Set(made);
  for (const instance of made) {
    step.created.add(instance);
    countAbove(step.run, instance, fresh);
  }
  for (const instance of made) link(step.run, instance);
  waitFor(step, made);
}

/** What is below new ones was perhaps ready without them and has not begun: it is decided anew. Each node below once, O(what is below). */
function waitFor(step: Step, made: readonly Instance[]): void {
  const { run } = step;
  const ready = new Map<Instance, TreeNode>();
  for (const instance of made) {
    forEachEdgeBelow(run, instance, (edge, below) => {
      const tree = run.book.trees[edge.task];
      const mayBeReady = tree == null ? below.instance.state === 'scheduled' : tree.scheduled > 0;
      if (mayBeReady) ready.set(below.instance, below);
    });
  }
  for (const below of ready.values()) walk(below, (instance) => reconsider(step, instance, true));
}

function countAbove(run: Run, instance: Instance, fresh: ReadonlySet<Instance>): void {
  const mapping = run.plan.tasks[instance.task]?.mapping;
  if (mapping == null) return;
  const { length } = instance.indexPath;
  for (const [edges, counts] of [[mapping.above, instance.upstream], [mapping.setups, instance.setups]] as const) {
    if (counts === null) continue;
    for (const edge of edges) {
      // What is shared by fewer entries of the path is counted further up, where all below have it in common.
      if (edge.shared < length) continue;
      const tree = run.book.trees[edge.task];
      const node = tree == null ? undefined : nodeAt(tree, instance.indexPath, length);
      if (node === undefined) continue;
      const add = (above: Instance): void => {
        if (!fresh.has(above)) countIn(run, above, counts, edge);
      };
      if (length === edge.shared) walk(node, add);
      else add(node.instance);
    }
  }
}

function revive(step: Step, instance: Instance): void {
  retire(step, instance, 'removed', instance.reason ?? 'removed');
  setFreeTries(step, instance, instance.tryNumber);
  enter(step, instance, null, null);
}

/** Surplus of an earlier, longer list. */
function remove(step: Step, node: TreeNode): void {
  walk(node, (instance) => {
    if (instance.state === 'removed') {
      if (instance.expandedTo === null) return;
    } else {
      if (!isFinished(instance.state)) cancel(step, instance, 'the list it is of became shorter');
      enter(step, instance, 'removed', 'the list it is of became shorter');
    }
    instance.expandedTo = null;
    touch(step, instance);
  });
}

function dimensionOf(run: Run, standIn: Instance): PlanDimension | undefined {
  const position = run.plan.tasks[standIn.task]?.dims[standIn.indexPath.length];
  return position === undefined ? undefined : run.plan.dimensions[position];
}

/** Where a dimension begins, below or at a path: each prefix its tasks have a node for. */
function prefixesUnder(run: Run, dimension: PlanDimension, path: IndexPath): IndexPath[] {
  const found = new Map<string, IndexPath>();
  for (const position of dimension.tasks) {
    const tree = run.book.trees[position];
    const top = tree == null ? undefined : nodeAt(tree, path, Math.min(path.length, dimension.depth));
    if (top === undefined) continue;
    for (const { instance } of nodesAtDepth(top, dimension.depth)) {
      if (instance.state === 'removed' && !isExpanded(instance)) continue;
      found.set(instance.indexPath.join('.'), instance.indexPath);
    }
    if (path.length >= dimension.depth && found.size > 0) break;
  }
  return [...found.values()];
}

/** Something of it has come into being, or was called back, and has no length yet. */
function needsExpansion(run: Run, dimension: PlanDimension, prefix: IndexPath): boolean {
  return dimension.tasks.some((position) => {
    const tree = run.book.trees[position];
    const instance = tree == null ? undefined : nodeAt(tree, prefix, dimension.depth)?.instance;
    return instance !== undefined && instance.state === null && instance.expandedTo === null;
  });
}
