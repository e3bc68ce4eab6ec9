import pg from 'pg';
import type { Connection } from '@millrace/sdk';
import type { Flight } from './flights.js';

const COLUMNS = 'id, departed, delay_minutes, distance_miles, origin, destination, late';

/** Opens the database of a connection, works, and closes it. */
export async function withDatabase<T>(connection: Connection, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({
    host: connection.host ?? '127.0.0.1',
    port: connection.port ?? 5432,
    user: connection.login ?? undefined,
    password: connection.password ?? undefined,
    database: connection.schema ?? undefined,
    application_name: 'example_etl',
    connectionTimeoutMillis: 10_000,
  });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** The table of the example. Safe to call by several tasks at once. */
export async function ensureTable(client: pg.Client, table: string): Promise<void> {
  // `create … if not exists` alone can still collide with another session that does the same.
  await client.query('select pg_advisory_lock(hashtext($1))', [table]);
  try {
    await client.query(`create table if not exists ${table} (
      id integer primary key, departed timestamp not null, delay_minutes integer not null, distance_miles integer not null,
      origin text not null, destination text not null, late boolean not null)`);
  } finally {
    await client.query('select pg_advisory_unlock(hashtext($1))', [table]);
  }
}

/** Replaces the rows of one partition in one transaction, so that a second try changes nothing. @returns rows written */
export async function replacePartition(client: pg.Client, table: string, partition: number, partitions: number, flights: readonly Flight[]): Promise<number> {
  await client.query('begin');
  await client.query(`delete from ${table} where id % $1 = $2`, [partitions, partition]);
  const { rowCount } = await client.query(
    `insert into ${table} (${COLUMNS}) select ${COLUMNS} from json_to_recordset($1::json)
       as f(id integer, departed timestamp, delay_minutes integer, distance_miles integer, origin text, destination text, late boolean)`,
    [JSON.stringify(flights.map((flight) => ({
      id: flight.id, departed: flight.departed, delay_minutes: flight.delayMinutes, distance_miles: flight.distanceMiles,
      origin: flight.origin, destination: flight.destination, late: flight.late,
    })))],
  );
  await client.query('commit');
  return rowCount ?? 0;
}

export interface Summary {
  readonly flights: number;
  readonly late: number;
  readonly meanDelayMinutes: number;
  readonly totalMiles: number;
  readonly firstDeparture: string;
  readonly lastDeparture: string;
  readonly airports: readonly { readonly origin: string; readonly flights: number; readonly late: number; readonly meanDelayMinutes: number }[];
}

/** The figures of the report, computed by the database. */
export async function summarise(client: pg.Client, table: string): Promise<Summary> {
  const total = await client.query<{ flights: number; late: number; mean: string; miles: string; first: string; last: string }>(
    `select count(*)::int as flights, count(*) filter (where late)::int as late, round(avg(delay_minutes), 4)::text as mean, sum(distance_miles)::text as miles,
            to_char(min(departed), 'YYYY-MM-DD HH24:MI') as first, to_char(max(departed), 'YYYY-MM-DD HH24:MI') as last from ${table}`,
  );
  const airports = await client.query<{ origin: string; flights: number; late: number; mean: string }>(
    `select origin, count(*)::int as flights, count(*) filter (where late)::int as late, round(avg(delay_minutes), 4)::text as mean
       from ${table} group by origin order by count(*) desc, origin limit 10`,
  );
  const row = total.rows[0];
  if (row === undefined || row.flights === 0) throw new Error(`table ${table} is empty`);
  return {
    flights: row.flights, late: row.late, meanDelayMinutes: Number(row.mean), totalMiles: Number(row.miles), firstDeparture: row.first, lastDeparture: row.last,
    airports: airports.rows.map((airport) => ({ origin: airport.origin, flights: airport.flights, late: airport.late, meanDelayMinutes: Number(airport.mean) })),
  };
}
