import type { executionProto } from '@millrace/contracts';
import type { GiveUp } from '@millrace/engine';
import type { InstanceId } from '@millrace/vocabulary';
import type { AskedQuestion } from '../apply-runs/inputs.js';

type Completion = executionProto.Completion;

const GIVE_UPS: readonly string[] = ['fail', 'fail_for_good', 'skip', 'resume'] satisfies readonly GiveUp[];
const KEY_MAX_CHARACTERS = 500;
const SUBJECT_MAX_CHARACTERS = 1_000;
const OPTIONS_MAX = 1_000;

/** Under this key an instance that asks waits for its answer. */
export function answerKey(instanceId: InstanceId): string {
  return `hitl:${instanceId}`;
}

export function correlationKeyOf(item: Completion): string | null {
  if (item.outcome === 'awaiting_input') return answerKey(item.instanceId as InstanceId);
  return item.correlationKey === '' ? null : item.correlationKey;
}

/** Why a wait cannot be stored as it was asked for; undefined: it can. */
export function checkWait(item: Completion): string | undefined {
  if (item.correlationKey.length > KEY_MAX_CHARACTERS || item.correlationKey.includes('\0')) return `a correlation key may have ${KEY_MAX_CHARACTERS} characters, without NUL`;
  if (item.correlationKey.startsWith('hitl:')) return 'correlation keys that begin with "hitl:" are taken';
  if (item.giveUpAt !== '') {
    if (Number.isNaN(Date.parse(item.giveUpAt))) return 'give_up_at is not a date';
    if (!GIVE_UPS.includes(item.giveUpThen)) return `give_up_then "${item.giveUpThen.slice(0, 40)}" is none of ${GIVE_UPS.join(', ')}`;
  }
  if (item.outcome !== 'awaiting_input') return undefined;
  const { question } = item;
  if (question === undefined) return 'a task that awaits input must ask something';
  if (question.subject === '' || question.subject.length > SUBJECT_MAX_CHARACTERS) return `a question needs a subject of at most ${SUBJECT_MAX_CHARACTERS} characters`;
  if (question.options.length === 0 || question.options.length > OPTIONS_MAX) return `a question needs 1 to ${OPTIONS_MAX} options`;
  if ([question.subject, question.body, ...question.options, ...question.defaults, question.paramsJson, question.assigneesJson].some((text) => text.includes('\0') || text.includes('\\u0000'))) return 'a question may not contain NUL';
  const unknown = question.defaults.find((option) => !question.options.includes(option));
  if (unknown !== undefined) return `the default "${unknown}" is none of the options`;
  try {
    const params: unknown = JSON.parse(question.paramsJson === '' ? '{}' : question.paramsJson);
    const assignees: unknown = JSON.parse(question.assigneesJson === '' ? '[]' : question.assigneesJson);
    if (typeof params !== 'object' || params === null || Array.isArray(params)) return 'the params of a question must be an object';
    if (!Array.isArray(assignees)) return 'the assignees of a question must be a list';
  } catch {
    return 'params and assignees of a question must be JSON';
  }
  return undefined;
}

export function questionOf(item: Completion): AskedQuestion | null {
  const { question } = item;
  if (item.outcome !== 'awaiting_input' || question === undefined) return null;
  return {
    subject: question.subject,
    body: question.body === '' ? null : question.body,
    options: question.options,
    defaults: question.hasDefaults ? question.defaults : null,
    multiple: question.multiple,
    paramsJson: question.paramsJson === '' ? '{}' : question.paramsJson,
    assigneesJson: question.assigneesJson === '' ? '[]' : question.assigneesJson,
    giveUpAtMs: item.giveUpAt === '' ? null : Date.parse(item.giveUpAt),
  };
}
