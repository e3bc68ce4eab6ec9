import type { IndexPath } from '@millrace/vocabulary';
import { isFinished } from '@millrace/vocabulary';
import type { Run } from '../run/run.js';
import type { LengthTerm, PlanDimension } from './dimensions.js';
import { nodeAt, walk } from './instance-tree.js';

/** How an XCom that is neither list nor object is kept in `Instance.lengths`. */
export const NOT_A_LIST = -1;

/** How many instances there are to be; `unknown`: what it depends on has not ended; else why there can be none. */
export type Length = number | 'unknown' | { readonly state: 'failed' | 'upstream_failed'; readonly reason: string };

/** The length of a dimension for the instances under a path; O(1), but for what is expanded over a mapped task's instances. */
export function lengthOf(run: Run, dimension: PlanDimension, prefix: IndexPath, max: number = run.plan.maxMapLength): Length {
  if (dimension.loop !== null) return 1;
  let product = 1;
  let worst: Length = 0;
  for (const term of dimension.lengths) {
    const length = lengthOfTerm(run, term, prefix);
    if (length === 'unknown') return length;
    if (typeof length === 'number') product *= length;
    else if (typeof worst === 'number') worst = length;
  }
  if (typeof worst !== 'number') return worst;
  if (product <= max) return product;
  return { state: 'failed', reason: `"${dimension.name}" would be expanded to ${product} instances; the limit is ${max} (core.max_map_length). Hand it fewer elements, or raise the limit.` };
}

function lengthOfTerm(run: Run, term: LengthTerm, prefix: IndexPath): Length {
  if (term.of === 'literal') return term.length;
  if (term.of === 'task') return term.isMany ? countOfValues(run, term, prefix) : lengthOfValue(run, term, prefix);
  const lengths: number[] = [];
  let bad: Length | null = null;
  for (const part of term.parts) {
    const length = lengthOfTerm(run, part, prefix);
    if (length === 'unknown') return length;
    if (typeof length === 'number') lengths.push(length);
    else bad ??= length;
  }
  return bad ?? (term.longest ? Math.max(...lengths) : Math.min(...lengths));
}

type TaskTerm = Extract<LengthTerm, { of: 'task' }>;

function lengthOfValue(run: Run, term: TaskTerm, prefix: IndexPath): Length {
  const name = run.plan.tasks[term.task]?.taskId ?? '';
  const tree = run.book.trees[term.task];
  const source = tree == null ? run.book.byTask[term.task]?.[0] : nodeAt(tree, prefix, term.shared)?.instance;
  if (source === undefined) return { state: 'upstream_failed', reason: `nothing to map over: "${name}" does not exist in this run` };
  if (!isFinished(source.state)) return 'unknown';
  if (source.state !== 'success') return { state: 'upstream_failed', reason: `nothing to map over: "${name}" is ${source.state ?? 'none'}` };
  const length = source.lengths?.[term.key];
  if (length === undefined) return { state: 'failed', reason: `nothing to map over: "${name}" succeeded without an XCom "${term.key}"` };
  if (length === NOT_A_LIST) return { state: 'failed', reason: `cannot map over XCom "${term.key}" of "${name}": it is neither a list nor an object` };
  return length;
}

/** Instances that succeeded and pushed the key are the elements, in the order of their indexes. */
function countOfValues(run: Run, term: TaskTerm, prefix: IndexPath): Length {
  const name = run.plan.tasks[term.task]?.taskId ?? '';
  const tree = run.book.trees[term.task];
  const node = tree == null ? undefined : nodeAt(tree, prefix, term.shared);
  if (node === undefined) return { state: 'upstream_failed', reason: `nothing to map over: "${name}" does not exist in this run` };
  let count = 0;
  let unfinished = 0;
  let bad = 0;
  walk(node, (instance) => {
    if (!isFinished(instance.state)) unfinished += 1;
    else if (instance.state === 'success') count += instance.lengths?.[term.key] === undefined ? 0 : 1;
    else if (instance.state === 'failed' || instance.state === 'upstream_failed') bad += 1;
  });
  if (unfinished > 0) return 'unknown';
  return count === 0 && bad > 0 ? { state: 'upstream_failed', reason: `nothing to map over: no instance of "${name}" succeeded` } : count;
}
