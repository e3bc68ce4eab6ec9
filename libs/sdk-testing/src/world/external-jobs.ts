import type { ExternalQuestion } from '@millrace/contracts';
import { secondsOf } from '@millrace/sdk';
import type { ExternalJob } from '@millrace/sdk';
import type { PlatformReport } from '../options/run-options.js';
import type { Agenda } from './agenda.js';

type Job = { -readonly [K in keyof ExternalJob]: ExternalJob[K] };

/** Work on other platforms, of which the test says what is reported. */
export class ExternalJobs {
  private readonly jobs = new Map<string, Job>();
  private made = 0;

  /** @param ended told of each job that has come to its end */
  constructor(private readonly agenda: Agenda, private readonly reports: Readonly<Record<string, PlatformReport | readonly PlatformReport[]>>, private readonly ended: (correlationKey: string) => void) {}

  /** A try after one whose work has ended submits anew. */
  answer(taskId: string, instanceId: string, tryNumber: number, question: ExternalQuestion): unknown {
    const known = this.jobs.get(instanceId);
    switch (question.operation) {
      case 'begin': {
        if (known !== undefined && (isOpen(known) || known.id.endsWith(`-${tryNumber}`))) return { ...known, isNew: false, ...(isOpen(known) ? { callbackUrl: urlOf(known) } : {}) };
        const id = `work-${++this.made}-${tryNumber}`;
        const job: Job = { id, state: 'submitting', externalId: null, result: null, progress: null, reason: null, createdAtMs: this.agenda.nowMs, correlationKey: `external:${id}` };
        this.jobs.set(instanceId, job);
        return { ...job, isNew: true, callbackUrl: urlOf(job) };
      }
      case 'submitted': {
        if (known === undefined) throw new Error('nothing was begun');
        if (known.state === 'submitting') known.state = 'submitted';
        known.externalId = question.externalId === '' ? null : question.externalId;
        for (const report of [this.reports[taskId] ?? []].flat() as PlatformReport[]) {
          this.agenda.at(this.agenda.nowMs + (report.after === undefined ? 0 : secondsOf(report.after, 'after') * 1_000), () => this.report(known, report));
        }
        return { ...known };
      }
      case 'report': {
        if (known === undefined) throw new Error('nothing was begun');
        const counted = isOpen(known);
        this.report(known, {
          state: question.state as ExternalJob['state'], ...(question.reason === '' ? {} : { reason: question.reason }),
          ...(question.resultJson === '' ? {} : { result: JSON.parse(question.resultJson) as unknown }), ...(question.progressJson === '' ? {} : { progress: JSON.parse(question.progressJson) as unknown }),
        });
        return { ...known, counted };
      }
      case 'get':
        return known === undefined ? null : { ...known };
      default:
        return question.operation satisfies never;
    }
  }

  /** Whether the work behind a wait has come to its end. */
  hasEnded(correlationKey: string): boolean {
    for (const job of this.jobs.values()) if (job.correlationKey === correlationKey) return !isOpen(job);
    return false;
  }

  /** The first end counts. */
  private report(job: Job, report: { readonly state: ExternalJob['state']; readonly result?: unknown; readonly progress?: unknown; readonly reason?: string }): void {
    if (!isOpen(job)) return;
    job.state = report.state;
    job.result = report.result ?? job.result;
    job.progress = report.progress ?? job.progress;
    job.reason = report.reason ?? job.reason;
    if (!isOpen(job)) this.ended(job.correlationKey);
  }
}

function isOpen(job: ExternalJob): boolean {
  return job.state === 'submitting' || job.state === 'submitted' || job.state === 'running';
}

function urlOf(job: ExternalJob): string {
  return `https://millrace.example/callbacks/${job.id}`;
}
