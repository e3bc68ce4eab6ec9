import type { OtherRunQuestion } from '@millrace/contracts';
import type { LookOptions, OtherRunLook, OtherRuns as OtherRunsOfTasks, TriggerRunOptions, TriggeredRun } from '@millrace/sdk';
import type { Ask } from './supervisor-questions.js';
import { toXComJson } from './xcom-json.js';

/** Runs of other dags, as a task asks for them. */
export class OtherRuns implements OtherRunsOfTasks {
  constructor(private readonly ask: Ask) {}

  trigger(options: TriggerRunOptions): Promise<TriggeredRun> {
    return this.#do('trigger', { ...options, ...(options.logicalDate == null ? {} : { logicalDate: textOf(options.logicalDate) }) });
  }

  look(options: LookOptions): Promise<OtherRunLook> {
    return this.#do('look', { ...options, ...(options.dates == null ? {} : { dates: options.dates.map(textOf) }) });
  }

  async #do<T>(operation: OtherRunQuestion['operation'], options: object): Promise<T> {
    const answer = await this.ask({ ask: 'otherRun', operation, json: toXComJson(options, operation) });
    return ('json' in answer && answer.json !== null ? JSON.parse(answer.json) : null) as T;
  }
}

function textOf(date: Date | string): string {
  const moment = new Date(date);
  if (Number.isNaN(moment.getTime())) throw new RangeError(`${JSON.stringify(date)} is no date`);
  return moment.toISOString();
}
