import type { RunnerAnswer, RunnerQuestion } from '@millrace/contracts';
import type { Instance } from '@millrace/engine';
import { assetEventsJson, connectionJson, variableText } from '../options/fakes.js';
import type { RunDagOptions } from '../options/run-options.js';
import type { ExternalJobs } from './external-jobs.js';
import type { Life } from './life.js';
import type { OtherRuns } from './other-runs.js';
import type { StateTable } from './state-table.js';
import type { XComTable } from './xcom-table.js';

/** Answers what task code asks while it runs, from the run's own tables and what the author gave. */
export class QuestionDesk {
  constructor(
    private readonly options: RunDagOptions,
    private readonly tables: { readonly xcoms: XComTable; readonly states: StateTable; readonly external: ExternalJobs; readonly otherRuns: OtherRuns },
    private readonly nowMs: () => number,
  ) {}

  async answer(question: RunnerQuestion, instance: Instance, taskId: string, life: Life): Promise<RunnerAnswer> {
    const { options } = this;
    const { xcoms, states, external, otherRuns } = this.tables;
    switch (question.ask) {
      case 'xcom':
        return xcoms.answer(question);
      case 'variable':
        return { json: options.variables !== undefined && Object.hasOwn(options.variables, question.key) ? variableText(options.variables[question.key]) : null };
      case 'connection': {
        const given = options.connections !== undefined && Object.hasOwn(options.connections, question.connectionId) ? options.connections[question.connectionId] : undefined;
        return { json: given === undefined ? null : connectionJson(question.connectionId, given) };
      }
      case 'latestRun':
        return { json: String(options.isLatestRun ?? true) };
      case 'state':
        return states.answer(taskId, question);
      case 'external':
        return { json: JSON.stringify(external.answer(taskId, instance.id, instance.tryNumber, question)) };
      case 'answer':
        return { json: this.answerOf(life, question.takeDefaults) };
      case 'otherRun':
        return { json: JSON.stringify(otherRuns.answer(question.operation, JSON.parse(question.json) as Record<string, unknown>)) };
      case 'assetEvents': {
        const all = question.triggering ? (options.triggeringAssetEvents ?? []) : (options.assetEvents ?? []).filter((event) => event.asset === question.name || event.asset === question.alias);
        return { json: assetEventsJson(question.ascending ? all.slice(-question.limit) : [...all].reverse().slice(0, question.limit), this.nowMs()) };
      }
      default:
        return question satisfies never;
    }
  }

  private answerOf(life: Life, takeDefaults: boolean): string | null {
    if (life.answer !== undefined) return JSON.stringify(life.answer);
    return takeDefaults && life.resumedBy === 'timeout' ? JSON.stringify({ chosenOptions: life.defaults ?? [], paramsInput: {}, respondedBy: null, respondedAt: new Date(this.nowMs()).toISOString() }) : null;
  }
}
