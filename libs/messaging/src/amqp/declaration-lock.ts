import type { Channel } from 'amqplib';
import { pause } from '@millrace/lifecycle';

const LOCK_QUEUE = 'millrace.declaring';
/** Between two tries to get the lock: about as long as one declaration takes. */
const RETRY_MIN_MS = 5;
const RETRY_MAX_MS = 40;
const GIVE_UP_AFTER_MS = 8_000;

/**
 * One declaration of a quorum queue at a time, over all processes of a virtual host. When two connections declare the same
 * new queue at once, RabbitMQ 3.10 tells the second "it exists" before its replicas run: that consumer never gets a message
 * (measured: 1 in 30), or the connection dies with an internal error. An exclusive queue is the lock, because the broker
 * gives it to one connection and frees it when that one dies.
 * @param open a channel; a new one after a refusal, which closes the old.
 * @throws when the lock is held for 8 s.
 */
export async function underDeclarationLock<Result>(open: () => Promise<Channel>, work: () => Promise<Result>): Promise<Result> {
  const giveUpAt = performance.now() + GIVE_UP_AFTER_MS;
  for (;;) {
    try {
      await (await open()).assertQueue(LOCK_QUEUE, { exclusive: true, durable: false });
      break;
    } catch (error) {
      const code = (error as { code?: number }).code;
      if (code === 403) return work(); // A user who may not declare can't race either.
      if (code !== 405 || performance.now() > giveUpAt) throw error;
      await pause(RETRY_MIN_MS + Math.random() * (RETRY_MAX_MS - RETRY_MIN_MS));
    }
  }
  try {
    return await work();
  } finally {
    await (await open()).deleteQueue(LOCK_QUEUE).catch(() => undefined); // Else it goes with the connection.
  }
}
