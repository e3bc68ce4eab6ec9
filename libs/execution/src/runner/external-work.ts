import type { ExternalQuestion } from '@millrace/contracts';
import type { CancelRequest, ExternalWork as ExternalWorkOfTasks } from '@millrace/sdk';
import type { Ask } from './supervisor-questions.js';
import { toXComJson } from './xcom-json.js';

const NOTHING = { externalId: '', cancelJson: '', state: '', resultJson: '', progressJson: '', reason: '' };

/** Work this instance started on another platform: what is known of it, and what the task finds out. */
export class ExternalWork implements ExternalWorkOfTasks {
  constructor(private readonly ask: Ask) {}

  /** The work this instance goes on with, also one an earlier try began; a new one when there is none. */
  begin(options: { readonly cancel?: CancelRequest } = {}): ReturnType<ExternalWorkOfTasks['begin']> {
    return this.#do('begin', { cancelJson: options.cancel === undefined ? '' : toXComJson(options.cancel, 'cancel') });
  }

  /** The platform took it. */
  submitted(options: { readonly externalId?: string | null; readonly cancel?: CancelRequest } = {}): ReturnType<ExternalWorkOfTasks['submitted']> {
    return this.#do('submitted', { externalId: options.externalId ?? '', cancelJson: options.cancel === undefined ? '' : toXComJson(options.cancel, 'cancel') });
  }

  /** What the task found out of it. The first end counts. */
  report(report: { readonly state: string; readonly result?: unknown; readonly progress?: unknown; readonly reason?: string }): ReturnType<ExternalWorkOfTasks['report']> {
    return this.#do('report', {
      state: report.state,
      resultJson: report.result === undefined ? '' : toXComJson(report.result, 'result'),
      progressJson: report.progress === undefined ? '' : toXComJson(report.progress, 'progress'),
      reason: report.reason ?? '',
    });
  }

  /** What is known of it; null: nothing was begun. */
  get(): ReturnType<ExternalWorkOfTasks['get']> {
    return this.#do('get', {});
  }

  async #do<T>(operation: ExternalQuestion['operation'], more: Partial<ExternalQuestion>): Promise<T> {
    const answer = await this.ask({ ask: 'external', operation, ...NOTHING, ...more });
    return ('json' in answer && answer.json !== null ? JSON.parse(answer.json) : null) as T;
  }
}
