import type { AttemptsReady, Wake } from '@millrace/contracts';
import type { HealthReport } from '@millrace/lifecycle';
import type { Broker, Delivery, PublishResult, Subscription } from '@millrace/messaging';

const AGAIN_AFTER_MS = 500;

/** A broker with one message, for a worker that was started for one attempt and knows no RabbitMQ. */
export class OneAttemptBroker implements Broker {
  readonly name = 'broker';
  /** The claim has been answered: the attempt runs, or somebody else has it. */
  readonly answered: Promise<void>;
  #answer: () => void = () => undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(private readonly instanceId: string, private readonly attemptId: string) {
    this.answered = new Promise((resolve) => (this.#answer = resolve));
  }

  async start(): Promise<void> {}

  async stop(): Promise<void> {
    clearTimeout(this.#timer);
  }

  async consumeAttempts(_queue: string, _options: { readonly prefetch: number }, handler: (delivery: Delivery<AttemptsReady>) => void): Promise<Subscription> {
    const deliver = (redelivered: boolean): void => {
      let settled = false;
      const settle = (then: () => void): void => {
        if (!settled) then();
        settled = true;
      };
      handler({
        message: { v: 1, ids: [[this.instanceId, this.attemptId]], home: '' }, redelivered,
        ack: () => settle(this.#answer),
        nack: () => settle(() => void (this.#timer = setTimeout(() => deliver(true), AGAIN_AFTER_MS))),
      });
    };
    setImmediate(() => deliver(false));
    return { cancel: async () => clearTimeout(this.#timer) };
  }

  async publishAttempts(): Promise<PublishResult> {
    return 'refused';
  }
  ring(_partition: number, _wake: Wake): void {}
  async listen(): Promise<void> {}
  async depth(): Promise<null> {
    return null;
  }
  health(): HealthReport {
    return { ok: true, checks: {} };
  }
}
