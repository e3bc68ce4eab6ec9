import { createHash, randomBytes } from 'node:crypto';
import { ExternalTasks, Questions, RunWriter, Signals, externalKey } from '@millrace/persistence';
import type { Database, ExternalReport, ExternalState, OpenQuestion } from '@millrace/persistence';
import { MillraceError, uuidV7From } from '@millrace/vocabulary';
import type { InstanceId } from '@millrace/vocabulary';
import type { ApplyRuns } from '../apply-runs/apply-runs.js';
import { answerKey } from '../completions/wait-of-completion.js';
import { SignalDesk } from '../signals/signal-desk.js';
import { checkParams } from './check-params.js';

export interface Respondent {
  readonly id: string;
  readonly name: string;
}

export interface QuestionAnswer {
  readonly chosenOptions: readonly string[];
  readonly paramsInput: Readonly<Record<string, unknown>>;
}

/** What people and platforms say to instances that wait. What they said is committed before a call returns; who waits goes on at once. */
export interface WaitingCommands {
  /**
   * Resumes who waits for a key now. `check` throws when the actor may not change instances of a dag.
   * @returns how many. @throws MillraceError not_found when nobody does
   */
  resume(key: string, payload: unknown, actor: string, check: (dagId: string) => void): Promise<number>;
  /** What a platform says of work it was given, under a token it was handed. @throws MillraceError not_found for any other token */
  reportExternal(token: string, report: Omit<ExternalReport, 'source'>): Promise<{ readonly counted: boolean; readonly state: ExternalState; readonly note: string | null }>;
  /** The first answer counts. @throws MillraceError conflict when it was answered, or is not asked any more; invalid for what is none of the options */
  answer(instanceId: InstanceId, answer: QuestionAnswer, by: Respondent, names: { dagId: string; runId: string; taskId: string }): Promise<QuestionAnswer & { readonly respondedAt: Date }>;
}

/** No token is longer: what is, is not even looked up. */
const TOKEN_PATTERN = /^[A-Za-z0-9_-]{20,100}$/;

export function createWaitingCommands(database: Database, apply: Pick<ApplyRuns, 'submit'>): WaitingCommands {
  return new DatabaseWaitingCommands(database, apply);
}

class DatabaseWaitingCommands implements WaitingCommands {
  readonly #desk: SignalDesk;

  constructor(
    private readonly database: Database,
    apply: Pick<ApplyRuns, 'submit'>,
  ) {
    this.#desk = new SignalDesk(database, apply);
  }

  async resume(key: string, payload: unknown, actor: string, check: (dagId: string) => void): Promise<number> {
    const told = await this.database.inTransaction(async (tx) => {
      const signals = new Signals(tx);
      const waiting = (await signals.waitingFor(key)).filter(({ instanceId }) => key !== answerKey(instanceId));
      if (waiting.length === 0) throw new MillraceError('not_found', `no task instance waits for correlation key '${key}' now`);
      for (const dagId of new Set(waiting.map((one) => one.dagId))) check(dagId);
      const ids = waiting.map(({ instanceId }) => instanceId);
      await signals.add(ids.map(() => newId()), ids, key, JSON.stringify(payload ?? null));
      const writer = new RunWriter(tx);
      for (const { dagId, runName, taskId } of waiting.slice(0, 100)) await writer.audit('resume_task_instance', actor, { dagId, runId: runName, taskId, extra: { correlation_key: key } });
      return ids;
    });
    await this.#deliver(told);
    return told.length;
  }

  async reportExternal(token: string, report: Omit<ExternalReport, 'source'>): Promise<{ counted: boolean; state: ExternalState; note: string | null }> {
    const unknown = (): MillraceError => new MillraceError('not_found', 'Not Found');
    if (!TOKEN_PATTERN.test(token)) throw unknown();
    const hash = createHash('sha256').update(token).digest();
    const { task, counted, note } = await this.database.inTransaction(async (tx) => {
      const works = new ExternalTasks(tx);
      const found = await works.byToken(hash);
      if (found === undefined) throw unknown();
      const reported = await works.report(found, { ...report, source: 'callback' });
      if (reported.counted && report.state !== 'running') {
        const { state, result, reason } = reported.task;
        await new Signals(tx).add([newId()], [found.instanceId], externalKey(found.id), JSON.stringify({ state, result, reason }));
      }
      return reported;
    });
    if (counted && report.state !== 'running') await this.#deliver([task.instanceId]);
    return { counted, state: task.state, note };
  }

  async answer(instanceId: InstanceId, { chosenOptions, paramsInput }: QuestionAnswer, by: Respondent, names: { dagId: string; runId: string; taskId: string }): Promise<QuestionAnswer & { respondedAt: Date }> {
    const answered = await this.database.inTransaction(async (tx) => {
      const questions = new Questions(tx);
      const question = await questions.ofInstance(instanceId);
      if (question === undefined) throw new MillraceError('not_found', 'This task instance asks nothing');
      if (question.respondedAt !== null) throw new MillraceError('conflict', 'This question was answered already');
      if (question.state !== 'awaiting_input') throw new MillraceError('conflict', `This question is not asked any more: the task instance is ${question.state ?? 'none'}`);
      const input = checked(question, chosenOptions, paramsInput, by);
      const respondedAt = await questions.respond(question, by, chosenOptions, JSON.stringify(input));
      if (respondedAt === undefined) throw new MillraceError('conflict', 'This question was answered already');
      await new Signals(tx).add([newId()], [instanceId], answerKey(instanceId), JSON.stringify({ chosenOptions, paramsInput: input, respondedBy: by }));
      await new RunWriter(tx).audit('update_hitl_detail', by.name, { ...names, extra: { chosen_options: chosenOptions } });
      return { chosenOptions, paramsInput: input, respondedAt };
    });
    await this.#deliver([instanceId]);
    return answered;
  }

  /** What was said is stored; if it cannot be applied now, a scheduler does within a second. */
  async #deliver(to: readonly InstanceId[]): Promise<void> {
    await this.#desk.deliver(to).catch(() => 0);
  }
}

/** The input with what was left out filled in from the params' values. @throws MillraceError saying what does not fit */
function checked(question: OpenQuestion, chosen: readonly string[], input: Readonly<Record<string, unknown>>, by: Respondent): Readonly<Record<string, unknown>> {
  if (question.assignees.length > 0 && !question.assignees.some((assignee) => assignee.id === by.id || assignee.name === by.name)) {
    throw new MillraceError('forbidden', `User ${by.name} is none of those who may answer: ${question.assignees.map((assignee) => assignee.name).join(', ')}`);
  }
  if (chosen.length === 0) throw new MillraceError('invalid', 'chosen_options must name at least one option');
  if (!question.multiple && chosen.length > 1) throw new MillraceError('invalid', 'Only one option may be chosen');
  const strange = chosen.find((option) => !question.options.includes(option));
  if (strange !== undefined) throw new MillraceError('invalid', `"${strange.slice(0, 200)}" is none of the options: ${question.options.join(', ')}`);
  if (new Set(chosen).size < chosen.length) throw new MillraceError('invalid', 'An option may be chosen once');
  return checkParams(question.params, input);
}

function newId(): string {
  return uuidV7From(Date.now(), randomBytes(10));
}
