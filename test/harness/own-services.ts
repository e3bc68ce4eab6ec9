import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import pg from 'pg';

const run = promisify(execFile);

/** A database and a virtual host nobody else uses, removed by `drop`. */
export interface OwnServices {
  readonly databaseUrl: string;
  readonly brokerUrl: string;
  drop(): Promise<void>;
}

export async function ownServices(label: string): Promise<OwnServices> {
  const name = `millrace_${label}_${process.pid}_${randomBytes(3).toString('hex')}`;
  const adminUrl = process.env['MILLRACE_TEST_DATABASE_URL'] ?? 'postgres://postgres@127.0.0.1:5432/postgres';
  const databaseUrl = Object.assign(new URL(adminUrl), { pathname: `/${name}` }).href;
  const brokerUrl = Object.assign(new URL(process.env['MILLRACE_TEST_AMQP_URL'] ?? 'amqp://guest:guest@127.0.0.1:5672'), { pathname: `/${name}` }).href;
  await asAdmin(adminUrl, `create database ${name}`);
  await run('rabbitmqctl', ['add_vhost', name]);
  await run('rabbitmqctl', ['set_permissions', '-p', name, new URL(brokerUrl).username, '.*', '.*', '.*']);
  return {
    databaseUrl, brokerUrl,
    async drop() {
      await asAdmin(adminUrl, `drop database if exists ${name} with (force)`);
      await run('rabbitmqctl', ['delete_vhost', name]);
    },
  };
}

async function asAdmin(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(sql);
  await client.end();
}
