import type { Outcome } from './run-options.js';

/** Names a task, or one instance of a mapped one: `load`, `load[0]`, `load[0,2]`. */
export function nameOf(taskId: string, indexPath: readonly number[]): string {
  return indexPath.length === 0 ? taskId : `${taskId}[${indexPath.join(',')}]`;
}

/** What was chosen for a try; `run`: its own code. */
export function outcomeOf(outcomes: Readonly<Record<string, Outcome | readonly Outcome[]>>, taskId: string, indexPath: readonly number[], tryNumber: number): Outcome {
  const chosen = outcomes[nameOf(taskId, indexPath)] ?? outcomes[taskId];
  if (chosen === undefined) return 'run';
  return Array.isArray(chosen) ? ((chosen as readonly Outcome[])[tryNumber - 1] ?? 'run') : (chosen as Outcome);
}

/** @throws RangeError naming an option that speaks of a task the dag does not have, TypeError for an outcome that is none */
export function checkNames(taskIds: ReadonlySet<string>, given: Readonly<Record<string, Readonly<Record<string, unknown>> | undefined>>): void {
  for (const [option, byTask] of Object.entries(given)) {
    for (const name of Object.keys(byTask ?? {})) {
      const taskId = name.replace(/\[[\d,]*\]$/, '');
      if (!taskIds.has(taskId)) throw new RangeError(`${option} names "${name}", but the dag has no such task; it has ${[...taskIds].map((id) => `"${id}"`).join(', ') || 'none'}`);
    }
  }
  for (const [name, outcomes] of Object.entries(given['outcomes'] ?? {})) {
    for (const outcome of [outcomes].flat() as unknown[]) {
      const isKnown = typeof outcome === 'function' || ['run', 'success', 'failed', 'skipped'].includes(outcome as string) || (typeof outcome === 'object' && outcome !== null && ['returns', 'fails', 'skips', 'chooses'].some((key) => key in outcome));
      if (!isKnown) throw new TypeError(`outcomes["${name}"] is ${JSON.stringify(outcome)}; use 'success', 'failed', 'skipped', 'run', { returns }, { fails }, { skips }, { chooses } or a function`);
    }
  }
}
