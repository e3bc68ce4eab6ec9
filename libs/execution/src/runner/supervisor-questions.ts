import type { FromRunner, RunnerAnswer, RunnerQuestion, ToRunner } from '@millrace/contracts';

export type Ask = (question: RunnerQuestion) => Promise<RunnerAnswer>;

interface Waiting {
  readonly attemptId: string;
  resolve(answer: RunnerAnswer): void;
  reject(error: Error): void;
}

/** Questions a running task has put to its worker: the runner has no address and no credential to ask anyone else. */
export class SupervisorQuestions {
  private readonly waiting = new Map<number, Waiting>();
  private lastId = 0;

  constructor(private readonly send: (message: FromRunner) => void) {}

  ask(attemptId: string, question: RunnerQuestion): Promise<RunnerAnswer> {
    const requestId = ++this.lastId;
    return new Promise((resolve, reject) => {
      this.waiting.set(requestId, { attemptId, resolve, reject });
      this.send({ type: 'question', requestId, attemptId, question });
    });
  }

  answered(message: Extract<ToRunner, { type: 'answer' }>): void {
    const asked = this.waiting.get(message.requestId);
    if (asked === undefined) return; // The attempt that asked has ended.
    this.waiting.delete(message.requestId);
    if (message.ok) asked.resolve(message.value);
    else asked.reject(new Error(message.error));
  }

  /** Questions of an attempt that has ended are never answered. */
  forget(attemptId: string): void {
    for (const [requestId, asked] of this.waiting) if (asked.attemptId === attemptId) this.waiting.delete(requestId);
  }
}
