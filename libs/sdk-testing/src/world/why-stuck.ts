import type { Instance } from '@millrace/engine';
import type { TestTask } from '../result/test-run.js';
import type { Life } from './life.js';
import type { OtherRuns } from './other-runs.js';

/** Instances that wait for what nobody gave, each with what to give. */
export function whyStuck(waiting: readonly { readonly instance: Instance; readonly taskId: string; readonly name: string; readonly life: Life }[], otherRuns: OtherRuns): string {
  const lines = waiting.map(({ instance, taskId, name, life }) => {
    const other = otherRuns.dagOf(life.correlationKey);
    if (instance.state === 'awaiting_input') return `"${name}" waits for the answer of a person: give it with answers: { ${JSON.stringify(taskId)}: … }`;
    if (life.correlationKey.startsWith('external:')) return `"${name}" waits for what a platform reports: give it with platform: { ${JSON.stringify(taskId)}: { state: 'success', result: … } }`;
    if (other !== null) return `"${name}" waits for a run of dag "${other}", which is ${otherRuns.stateOf(other)}: see otherRuns`;
    return `"${name}" waits for the event ${JSON.stringify(life.correlationKey)}: give it with events: { ${JSON.stringify(life.correlationKey)}: { payload: … } }`;
  });
  return `the run would wait for ever${lines.length === 0 ? '' : `; ${lines.join('; ')}`}`;
}

export function statesOf(tasks: readonly TestTask[]): string {
  return tasks.map(({ name, state }) => `  ${name}: ${state ?? 'none'}`).join('\n');
}
