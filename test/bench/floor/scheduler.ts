/**
 * The least scheduler that keeps the durability contract: a trigger, a claim and a completion are commits; what is ready is in the
 * database before it is published; ids only on the broker. No leases, logs, XCom, versions, limits or recovery.
 */
import { Server, ServerCredentials, type ServerDuplexStream } from '@grpc/grpc-js';
import amqp from 'amqplib';
import pg from 'pg';
import { FLOOR_SERVICE, Gather, RUN_STRIDE, type RunOrder, type ToScheduler, type ToWorker } from './wire.js';

const [databaseUrl = '', brokerUrl = '', continuation = 'false', idsPerMessage = '1'] = process.argv.slice(2);
type Session = ServerDuplexStream<ToScheduler, ToWorker>;

interface LiveRun { readonly order: RunOrder; left: number; middle: number }
const runs = new Map<number, LiveRun>();

const databases = await Promise.all([0, 1].map(async () => {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  await client.query('set enable_seqscan = off');
  return client;
}));
const [forRuns, forClaims] = databases as [pg.Client, pg.Client];
const connection = await amqp.connect(brokerUrl, { noDelay: true });
const publisher = await connection.createConfirmChannel();
const consumerConnection = await amqp.connect(brokerUrl, { noDelay: true });
const doorbell = await consumerConnection.createChannel();

const size = (order: RunOrder): number => (order.shape === 'fan' ? order.size + 2 : order.size);
const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);

function rootsOf(order: RunOrder): number {
  return order.shape === 'wide' ? order.size : 1;
}

/** Positions that become ready when this one ends. */
function readyAfter(run: LiveRun, position: number): number[] {
  const { shape, size: n } = run.order;
  if (shape === 'chain') return position + 1 < n ? [position + 1] : [];
  if (shape === 'wide') return [];
  if (position === 0) return range(1, n + 1);
  return position <= n && --run.middle === 0 ? [n + 1] : [];
}

function publish(ids: readonly number[]): void {
  const step = Number(idsPerMessage);
  for (let i = 0; i < ids.length; i += step) {
    publisher.sendToQueue('floor.tasks', Buffer.from(JSON.stringify(ids.slice(i, i + step))), { persistent: true, mandatory: true });
  }
}

const starts = new Gather<RunOrder>(async (orders) => {
  for (const order of orders) runs.set(order.run, { order, left: size(order), middle: order.shape === 'fan' ? order.size : 0 });
  await forRuns.query({
    name: 'start',
    text: `with r as (update floor_run set state = 1, version = version + 1 where id = any($1) and state = 0)
      insert into floor_task (id, state) select o.id * ${RUN_STRIDE} + p, case when p < o.roots then 1 else 0 end
      from unnest($1::bigint[], $2::int[], $3::int[]) o (id, n, roots), generate_series(0, o.n - 1) p`,
    values: [orders.map((o) => o.run), orders.map(size), orders.map(rootsOf)],
  });
  publish(orders.flatMap((order) => range(0, rootsOf(order)).map((p) => order.run * RUN_STRIDE + p)));
});

const claims = new Gather<{ readonly ids: readonly number[]; readonly session: Session }>(async (requests) => {
  const { rows } = await forClaims.query<{ id: string }>({
    name: 'claim', text: 'update floor_task set state = 2 where id = any($1) and state = 1 returning id', values: [requests.flatMap((request) => request.ids)],
  });
  const granted = new Set(rows.map((row) => Number(row.id)));
  for (const { ids, session } of requests) session.write({ run: ids.filter((id) => granted.has(id)), claimReply: true });
});

const completions = new Gather<{ readonly id: number; readonly session: Session }>(async (items) => {
  const handedOver: { id: number; session: Session }[] = [];
  const published: number[] = [];
  const touched = new Set<number>();
  const finished: number[] = [];
  for (const { id, session } of items) {
    const runId = Math.floor(id / RUN_STRIDE);
    const run = runs.get(runId);
    if (run === undefined) throw new Error(`run ${runId} unknown`);
    touched.add(runId);
    readyAfter(run, id % RUN_STRIDE).forEach((position, i) => {
      const next = runId * RUN_STRIDE + position;
      if (continuation === 'true' && i === 0) handedOver.push({ id: next, session });
      else published.push(next);
    });
    if (--run.left === 0) {
      finished.push(runId);
      runs.delete(runId);
    }
  }
  await forRuns.query({
    name: 'complete',
    text: `with done as (update floor_task set state = 3 where id = any($1) and state = 2),
        next as (update floor_task set state = case when id = any($3) then 2 else 1 end where id = any($2) and state = 0)
      update floor_run set version = version + 1, state = case when id = any($5) then 2 else state end where id = any($4)`,
    values: [items.map((item) => item.id), [...published, ...handedOver.map((item) => item.id)], handedOver.map((item) => item.id), [...touched], finished],
  });
  answer(handedOver);
  publish(published);
});

function answer(items: readonly { readonly id: number; readonly session: Session }[]): void {
  const bySession = new Map<Session, number[]>();
  for (const { id, session } of items) bySession.set(session, [...(bySession.get(session) ?? []), id]);
  for (const [session, run] of bySession) session.write({ run });
}

const server = new Server();
server.addService(FLOOR_SERVICE, {
  session(stream: Session) {
    stream.on('data', (message: ToScheduler) => {
      if (message.claim !== undefined) claims.add([{ ids: message.claim, session: stream }]);
      if (message.done !== undefined) completions.add(message.done.map((id) => ({ id, session: stream })));
    });
    stream.on('error', () => stream.end());
  },
});
const port = await new Promise<number>((resolve, reject) => {
  server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) => (error ? reject(error) : resolve(bound)));
});
await doorbell.consume('floor.wake', (message) => {
  if (message !== null) starts.add([JSON.parse(message.content.toString()) as RunOrder]);
}, { noAck: true });
process.send?.({ port });
