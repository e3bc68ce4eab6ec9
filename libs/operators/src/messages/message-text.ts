import type { CallbackContext } from '@millrace/sdk';

/** A text, or what makes one of what happened. */
export type MessageText = string | ((context: CallbackContext) => string);

export function textOf(given: MessageText | undefined, context: CallbackContext, fallback: string): string {
  if (given === undefined) return fallback;
  return typeof given === 'function' ? given(context) : given;
}

/** One line that says what happened to what: `failure: nightly.load, run manual__…, try 3`. */
export function headline({ callback, dagId, taskId, runId, tryNumber }: CallbackContext): string {
  const what = taskId === '' ? dagId : `${dagId}.${taskId}`;
  const on = callback.on === 'deadline' ? `deadline ${callback.deadline ?? ''} missed` : callback.on;
  return `${on}: ${what}${runId === '' ? '' : `, run ${runId}`}${taskId === '' ? '' : `, try ${tryNumber}`}`;
}
