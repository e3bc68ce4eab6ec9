import { randomUUID } from 'node:crypto';
import { Database, Outbox } from '@millrace/persistence';
import type { OutboxRow, Transaction } from '@millrace/persistence';
import { migratedDatabase } from '@millrace/persistence/testing';
import type { Logger } from '@millrace/telemetry';
import { expect, it } from 'vitest';
import { OutboxRunner, Unrepairable } from './outbox-runner.js';
import type { OutboxHandler } from './outbox-runner.js';

const silent: Logger = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };

/** Writes the number it is told into a table, as its effect. */
const writing = (kind: string, before: (row: OutboxRow) => void = () => {}): OutboxHandler => ({
  kind,
  async handle(tx: Transaction, row) {
    await tx.query({ name: 'spec-effect', text: 'insert into spec_effect (n) values ($1)' }, [(row.payload as { n: number }).n]);
    before(row);
  },
});

async function owing(kind: string, numbers: readonly number[]) {
  const migrated = await migratedDatabase();
  await migrated.database.pool.query('create table spec_effect (n int)');
  await new Outbox(migrated.database).add(numbers.map((n) => ({ id: randomUUID(), runId: null, instanceId: null, kind, payloadJson: JSON.stringify({ n }) })));
  const done = async (): Promise<number[]> => (await migrated.database.pool.query<{ n: number }>('select n from spec_effect order by n')).rows.map((row) => row.n);
  const left = async (): Promise<{ tries: number; last_error: string | null; parked: boolean }[]> =>
    (await migrated.database.pool.query('select tries, last_error, parked_at is not null as parked from outbox order by created_at')).rows;
  return { migrated, done, left, [Symbol.asyncDispose]: () => migrated[Symbol.asyncDispose]() };
}

const numbers = Array.from({ length: 120 }, (_, n) => n);

it('each effect happens once, with several runners at once', async () => {
  await using owed = await owing('write', numbers);
  const other = new Database({ url: owed.migrated.url, poolSize: 4, namedStatements: true, applicationName: 'other' });
  const runners = [new OutboxRunner(owed.migrated.database, [writing('write')], silent), new OutboxRunner(other, [writing('write')], silent)];
  await Promise.all([...runners, ...runners].map((runner) => runner.once()));
  // What the other held when one looked is found by the next look.
  await runners[0]!.once();
  await other.stop();
  expect(await owed.done()).toEqual(numbers);
  expect(await owed.left()).toEqual([]);
});

it('one that fails leaves nothing behind, does not hold up the others, and is tried again', async () => {
  await using owed = await owing('write', [1, 2, 3]);
  let isBroken = true;
  const handler = writing('write', (row) => {
    if (isBroken && (row.payload as { n: number }).n === 2) throw new Error('the platform is away');
  });
  const runner = new OutboxRunner(owed.migrated.database, [handler], silent);
  await runner.once();
  expect(await owed.done()).toEqual([1, 3]);
  expect(await owed.left()).toEqual([{ tries: 1, last_error: 'the platform is away', parked: false }]);
  isBroken = false;
  await owed.migrated.database.pool.query('update outbox set not_before = now()');
  await runner.once();
  expect(await owed.done()).toEqual([1, 2, 3]);
});

it('one that another try would not help is parked and shown', async () => {
  await using owed = await owing('write', [1]);
  const handler = writing('write', () => {
    throw new Unrepairable('no such thing');
  });
  const runner = new OutboxRunner(owed.migrated.database, [handler], silent);
  await runner.once();
  expect(await runner.once()).toBe(0);
  expect(await owed.left()).toEqual([{ tries: 1, last_error: 'no such thing', parked: true }]);
  expect(await new Outbox(owed.migrated.database).state()).toMatchObject([{ kind: 'write', waiting: 0, parked: 1 }]);
});

it('a kind this version does not know is left for one that does', async () => {
  await using owed = await owing('tomorrow', [1]);
  expect(await new OutboxRunner(owed.migrated.database, [writing('write')], silent).once()).toBe(0);
  expect(await owed.left()).toEqual([{ tries: 0, last_error: null, parked: false }]);
});
