import type { Run } from '@millrace/engine';
import type { RunInput } from '../apply-runs/inputs.js';

/**
 * Adds to the end of a task the lengths of those of its XComs that somebody maps over: data of the event, so that a replay expands the same.
 * All other ends pass as they are.
 */
export function measured(run: Run, input: RunInput): RunInput {
  const { completion, event } = input;
  if (completion === undefined || completion.xcoms.length === 0 || event.type !== 'finished' || event.outcome !== 'success') return input;
  const instance = run.instances.get(completion.instanceId);
  const keys = instance === undefined ? null : (run.plan.tasks[instance.task]?.mapping?.measuredKeys ?? null);
  if (keys === null) return input;
  const lengths: Record<string, number> = {};
  for (const { key, json } of completion.xcoms) if (keys.includes(key)) lengths[key] = lengthOf(JSON.parse(json));
  return { ...input, event: { ...event, lengths } };
}

/** -1: nothing to map over. */
function lengthOf(value: unknown): number {
  if (Array.isArray(value)) return value.length;
  return typeof value === 'object' && value !== null ? Object.keys(value).length : -1;
}
