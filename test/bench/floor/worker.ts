/** The least worker: ids from the broker, claims and results on one stream, task code in processes of its own. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import amqp from 'amqplib';
import { openSession, type ToWorker } from './wire.js';

const [brokerUrl = '', address = '', timesFile = '', slots = '8', tasksAtOnce = '1'] = process.argv.slice(2);
/** Ids delivered and not yet claimed. */
const PREFETCH = 200;

const stream = openSession(address);
const connection = await amqp.connect(brokerUrl, { noDelay: true });
const channel = await connection.createChannel();
await channel.prefetch(PREFETCH);

const idle = await Promise.all(Array.from({ length: Number(slots) }, async () => {
  const runner = fork(fileURLToPath(new URL('./runner.js', import.meta.url)), [timesFile]);
  runner.on('message', (done: number[]) => {
    finished.push(...done);
    if (finished.length === done.length) setImmediate(report);
    idle.push(runner);
    dispatch();
  });
  await once(runner, 'spawn');
  return runner;
}));
const ready: number[] = [];
let finished: number[] = [];

function dispatch(): void {
  while (ready.length > 0) {
    const runner = idle.pop();
    if (runner === undefined) return;
    runner.send(ready.splice(0, Number(tasksAtOnce)));
  }
}

function report(): void {
  stream.write({ done: finished });
  finished = [];
}

stream.on('data', (message: ToWorker) => {
  if (message.claimReply === true) {
    const last = openClaims.shift();
    if (last !== undefined) channel.ack(last, true);
  }
  ready.push(...message.run);
  dispatch();
});

/** The last delivery each claim in flight covers: acked, with all before it, when the claim is answered. */
const openClaims: amqp.ConsumeMessage[] = [];
let unclaimed: number[] = [];
let lastDelivery: amqp.ConsumeMessage | null = null;
await channel.consume('floor.tasks', (message) => {
  if (message === null) return;
  if (unclaimed.length === 0) setImmediate(claim);
  unclaimed.push(...(JSON.parse(message.content.toString()) as number[]));
  lastDelivery = message;
});

function claim(): void {
  if (lastDelivery === null) return;
  openClaims.push(lastDelivery);
  stream.write({ claim: unclaimed });
  unclaimed = [];
}
process.send?.({ ready: true });
