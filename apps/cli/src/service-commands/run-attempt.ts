import { loadConfiguration } from '@millrace/configuration';
import { shipLogsOnce } from '@millrace/log-server';
import { createLogger } from '@millrace/telemetry';
import { MillraceError } from '@millrace/vocabulary';
import { OneAttemptBroker, createWorker } from '@millrace/worker';

const IDS = /^([0-9a-f-]{36})\/([0-9a-f-]{36})$/;
/** It takes from no queue, and must not be counted among those who do: of as many as they are, so much of a run is queued at once. */
const NO_QUEUE = 'one-attempt';
/** A task may last as long as it likes; only a signal makes its worker hurry. */
const NO_HURRY_MS = 86_400_000;

/**
 * A worker for one attempt: claims it, runs it, tells its result, puts its log into the store and ends. What a pod of the pod-launcher runs. It has neither database
 * nor broker. The process ends with 0 when the result was told, whatever it is, and also when the attempt was not to be had any more.
 */
export async function runAttempt(ids: string): Promise<never> {
  const [, instanceId, attemptId] = IDS.exec(ids) ?? [];
  if (instanceId === undefined || attemptId === undefined) throw new MillraceError('bad_request', `--attempt wants INSTANCE_ID/ATTEMPT_ID, not "${ids}"`);
  const config = loadConfiguration({ needs: ['security.internal_token'], overrides: { 'worker.concurrency': 1, 'worker.warm_runners': 0 } });
  const logger = createLogger({ service: 'worker', level: config['logging.level'], format: config['logging.format'], fields: { attempt_id: attemptId } });
  const broker = new OneAttemptBroker(instanceId, attemptId);
  const worker = createWorker({ config: { ...config, 'worker.drain_grace_ms': NO_HURRY_MS }, logger, broker, advertisedQueues: [NO_QUEUE] });
  let hurried = false;
  const signalled = new Promise<void>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => {
      // The pod is being deleted: the second signal, or the end of its grace, ends the task; its attempt is then lost and tried again by its policy.
      if (hurried) process.exit(143);
      hurried = true;
      resolve();
    });
  });
  await worker.start();
  await Promise.race([broker.answered, signalled]);
  // Stopping is draining: nothing new, and the one attempt to its end.
  await worker.stop();
  await shipLogsOnce(config, logger);
  // What still listens (runners, connections that are closing) must not keep the pod.
  await new Promise<void>((resolve) => process.stdout.write('', () => resolve()));
  process.exit(0);
}
