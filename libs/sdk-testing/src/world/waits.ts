import type { Effect, Instance, Run, RunEvent } from '@millrace/engine';
import { secondsOf } from '@millrace/sdk';
import type { InstanceId } from '@millrace/vocabulary';
import { nameOf } from '../options/outcomes.js';
import type { RunDagOptions } from '../options/run-options.js';
import type { Agenda } from './agenda.js';
import type { Life, Lives } from './life.js';

/** What instances wait for: times, events of the world outside, answers of people. Each comes when its time on the agenda has come. */
export class Waits {
  private readonly timers = new Map<InstanceId, (() => void)[]>();

  constructor(
    private readonly options: RunDagOptions,
    private readonly run: Run,
    private readonly lives: Lives,
    private readonly agenda: Agenda,
    private readonly tell: (event: RunEvent) => void,
  ) {}

  setTimer({ kind, instanceId, attemptSeq, dueAtMs }: Extract<Effect, { type: 'timer' }>): void {
    if (kind === 'run_timeout' || kind === 'run_retry') {
      this.agenda.at(dueAtMs, () => this.tell({ type: 'timer', kind }));
      return;
    }
    if (instanceId === null) return;
    const drop = this.agenda.at(dueAtMs, () => {
      const instance = this.run.instances.get(instanceId);
      if (instance === undefined || instance.attemptSeq !== attemptSeq) return;
      if (kind === 'resume' || kind === 'give_up_resume') this.end(instanceId, kind === 'resume' ? 'time' : 'timeout');
      this.tell({ type: 'timer', kind, instanceId, attemptSeq });
    });
    if (kind === 'retry') return;
    this.timers.set(instanceId, [...(this.timers.get(instanceId) ?? []), drop]);
  }

  dropTimers(instanceId: InstanceId): void {
    for (const drop of this.timers.get(instanceId) ?? []) drop();
    this.timers.delete(instanceId);
  }

  /** The event that the author gave for the key. False: none was given. */
  expectEvent(key: string): boolean {
    const event = this.options.events?.[key];
    if (event === undefined) return false;
    this.agenda.at(this.agenda.nowMs + (event.after === undefined ? 0 : secondsOf(event.after, `events["${key}"].after`) * 1_000), () => this.deliver(key, event.payload));
    return true;
  }

  /** Whoever waits for the key goes on. After the decision that makes it wait. */
  deliver(key: string, payload: unknown): void {
    this.agenda.at(this.agenda.nowMs, () => {
      for (const [instanceId, life] of this.lives.entries()) {
        if (life.correlationKey !== key || this.run.instances.get(instanceId)?.state !== 'deferred') continue;
        life.payloadJson = payload === undefined ? '' : JSON.stringify(payload);
        this.end(instanceId, 'event');
        this.tell({ type: 'resumed', instanceId, payload: payload ?? null });
      }
    });
  }

  expectAnswer(instance: Instance, taskId: string, life: Life): void {
    const given = this.options.answers?.[nameOf(taskId, instance.indexPath)] ?? this.options.answers?.[taskId];
    if (given === undefined) return;
    const answer = typeof given === 'string' ? { chosenOptions: [given] } : given;
    const { attemptSeq } = instance;
    this.agenda.at(this.agenda.nowMs + ('after' in answer && answer.after !== undefined ? secondsOf(answer.after, `answers["${taskId}"].after`) * 1_000 : 0), () => {
      if (this.run.instances.get(instance.id)?.state !== 'awaiting_input') return;
      const who = 'respondedBy' in answer && answer.respondedBy !== undefined ? answer.respondedBy : 'tester';
      life.answer = { chosenOptions: answer.chosenOptions, paramsInput: ('paramsInput' in answer ? answer.paramsInput : undefined) ?? {}, respondedBy: { id: who, name: who }, respondedAt: new Date(this.agenda.nowMs).toISOString() };
      this.end(instance.id, 'event');
      this.tell({ type: 'resumed', instanceId: instance.id, payload: null, attemptSeq });
    });
  }

  private end(instanceId: InstanceId, by: Life['resumedBy']): void {
    const life = this.lives.of(instanceId);
    life.resumedBy = by;
    if (by !== 'event') life.payloadJson = '';
    life.correlationKey = '';
  }
}
