import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import pg from 'pg';

const run = promisify(execFile);

export interface OwnDatabase {
  readonly databaseUrl: string;
  drop(): Promise<void>;
}

/** A database and a virtual host nobody else uses, removed by `drop`. */
export interface OwnServices extends OwnDatabase {
  readonly brokerUrl: string;
}

export async function ownServices(label: string): Promise<OwnServices> {
  const database = await ownDatabase(label);
  const brokerUrl = Object.assign(new URL(process.env['MILLRACE_TEST_AMQP_URL'] ?? 'amqp://guest:guest@127.0.0.1:5672'), { pathname: new URL(database.databaseUrl).pathname }).href;
  const virtualHost = new URL(brokerUrl).pathname.slice(1);
  await run('rabbitmqctl', ['add_vhost', virtualHost]);
  await run('rabbitmqctl', ['set_permissions', '-p', virtualHost, new URL(brokerUrl).username, '.*', '.*', '.*']);
  return {
    databaseUrl: database.databaseUrl, brokerUrl,
    async drop() {
      await database.drop();
      await run('rabbitmqctl', ['delete_vhost', virtualHost]);
    },
  };
}

export async function ownDatabase(label: string): Promise<OwnDatabase> {
  const name = `millrace_${label}_${process.pid}_${randomBytes(3).toString('hex')}`;
  const adminUrl = process.env['MILLRACE_TEST_DATABASE_URL'] ?? 'postgres://postgres@127.0.0.1:5432/postgres';
  await asAdmin(adminUrl, `create database ${name}`);
  return {
    databaseUrl: Object.assign(new URL(adminUrl), { pathname: `/${name}` }).href,
    drop: () => asAdmin(adminUrl, `drop database if exists ${name} with (force)`),
  };
}

async function asAdmin(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(sql);
  await client.end();
}
