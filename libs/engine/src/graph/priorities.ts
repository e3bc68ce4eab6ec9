import type { PlanTaskSource } from './plan.js';

type Edges = readonly (readonly number[])[];

const INT32_MAX = 2_147_483_647;

/**
 * The effective priority of each task: own weight, plus the weights of all distinct tasks downstream (or upstream) of it.
 *
 * Exact, never estimated. Chains, fans, trees' stems and layers with equal edges cost O(tasks + edges) altogether: a task
 * with one child, or whose children all have the same children, needs no look further. Let h be the distinct child lists
 * that are neither: the rest costs min(h, tasks / 32) passes over the graph.
 * @param order every task after its upstream.
 */
export function effectivePriorities(tasks: readonly PlanTaskSource[], upstream: Edges, downstream: Edges, order: readonly number[]): number[] {
  const uses = new Set(tasks.map((task) => task.weightRule));
  const weights = tasks.map((task) => task.priorityWeight);
  const below = uses.has('downstream') ? closureWeights(weights, downstream, order) : null;
  const above = uses.has('upstream') ? closureWeights(weights, upstream, order.toReversed()) : null;
  return tasks.map((task, position) => {
    const more = task.weightRule === 'downstream' ? below?.[position] : task.weightRule === 'upstream' ? above?.[position] : 0;
    // The column is a 32-bit integer; beyond it "very urgent" is precise enough.
    return Math.max(-INT32_MAX, Math.min(INT32_MAX, task.priorityWeight + (more ?? 0)));
  });
}

/** For each task the weights of all that can be reached along `edges`, without its own. `order`: each before what it reaches. */
function closureWeights(weights: readonly number[], edges: Edges, order: readonly number[]): Float64Array {
  const listOf = sameLists(edges);
  const sums = new Float64Array(weights.length);
  const isEasy = (list: number): boolean => {
    const next = edges[list] ?? [];
    return next.every((child) => listOf[child] === listOf[next[0] ?? 0]);
  };
  const hard = order.filter((at) => listOf[at] === at && !isEasy(at));
  if (hard.length > weights.length / 32) sumByBlocks(weights, edges, order, hard, sums);
  else sumBySearch(weights, edges, hard, sums);

  const known = new Uint8Array(weights.length);
  for (const list of hard) known[list] = 1;
  for (let i = order.length - 1; i >= 0; i--) {
    const at = order[i] ?? 0;
    const list = listOf[at] ?? 0;
    if (known[list] === 0) {
      // Tasks with the same list cannot reach each other, so their weights and what lies behind add up without doubles.
      const next = edges[list] ?? [];
      let sum = next.length === 0 ? 0 : (sums[next[0] ?? 0] ?? 0);
      for (const child of next) sum += weights[child] ?? 0;
      sums[list] = sum;
      known[list] = 1;
    }
    sums[at] = sums[list] ?? 0;
  }
  return sums;
}

/** A number for each task's list of neighbours, equal exactly when the lists are. Lists are sorted. */
function sameLists(edges: Edges): Int32Array {
  const numbers = new Int32Array(edges.length);
  const byHash = new Map<number, number[]>();
  edges.forEach((list, at) => {
    let hash = list.length;
    for (const child of list) hash = (Math.imul(hash ^ child, 0x9e3779b1) ^ (hash >>> 15)) | 0;
    const candidates = byHash.get(hash);
    const same = candidates?.find((other) => equal(edges[other] ?? [], list));
    if (same !== undefined) numbers[at] = same;
    else {
      numbers[at] = at;
      if (candidates) candidates.push(at);
      else byHash.set(hash, [at]);
    }
  });
  return numbers;
}

function equal(a: readonly number[], b: readonly number[]): boolean {
  return a === b || (a.length === b.length && a.every((value, i) => value === b[i]));
}

/** One search for each distinct hard list. */
function sumBySearch(weights: readonly number[], edges: Edges, hard: readonly number[], sums: Float64Array): void {
  const seenBy = new Int32Array(weights.length).fill(-1);
  const open: number[] = [];
  for (const list of hard) {
    let sum = 0;
    open.push(list);
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      for (const child of edges[at] ?? []) {
        if (seenBy[child] === list) continue;
        seenBy[child] = list;
        sum += weights[child] ?? 0;
        open.push(child);
      }
    }
    sums[list] = sum;
  }
}

/** One pass over the graph for each 32 targets: a bit says which of them a task reaches. */
function sumByBlocks(weights: readonly number[], edges: Edges, order: readonly number[], hard: readonly number[], sums: Float64Array): void {
  const isHard = new Uint8Array(weights.length);
  for (const at of hard) isHard[at] = 1;
  const place = new Int32Array(weights.length);
  order.forEach((at, i) => (place[at] = i));
  // Edges between places in one array: the passes are what costs.
  const starts = new Int32Array(order.length + 1);
  order.forEach((at, i) => (starts[i + 1] = (starts[i] ?? 0) + (edges[at]?.length ?? 0)));
  const targets = new Int32Array(starts[order.length] ?? 0);
  order.forEach((at, i) => edges[at]?.forEach((child, k) => (targets[(starts[i] ?? 0) + k] = place[child] ?? 0)));

  const reached = new Int32Array(order.length);
  const byteWeights = [0, 1, 2, 3].map(() => new Float64Array(256));
  for (let first = 0; first < order.length; first += 32) {
    const last = Math.min(first + 32, order.length);
    byteWeights.forEach((table, byte) => fillByteWeights(table, (bit) => weights[order[first + byte * 8 + bit] ?? -1] ?? 0));
    const [w0, w1, w2, w3] = byteWeights as [Float64Array, Float64Array, Float64Array, Float64Array];
    for (let i = last - 1; i >= 0; i--) {
      let bits = 0;
      for (let k = starts[i] ?? 0, end = starts[i + 1] ?? 0; k < end; k++) {
        const target = targets[k] ?? 0;
        // Beyond the block nothing reaches back into it.
        if (target < last) bits |= (reached[target] ?? 0) | (target >= first ? 1 << (target - first) : 0);
      }
      reached[i] = bits;
      const at = order[i] ?? 0;
      if (bits !== 0 && isHard[at] === 1) {
        sums[at] = (sums[at] ?? 0) + (w0[bits & 255] ?? 0) + (w1[(bits >>> 8) & 255] ?? 0) + (w2[(bits >>> 16) & 255] ?? 0) + (w3[bits >>> 24] ?? 0);
      }
    }
  }
}

function fillByteWeights(table: Float64Array, weightOf: (bit: number) => number): void {
  table[0] = 0;
  for (let bit = 0; bit < 8; bit++) {
    const weight = weightOf(bit);
    for (let low = 0; low < 1 << bit; low++) table[(1 << bit) | low] = (table[low] ?? 0) + weight;
  }
}
