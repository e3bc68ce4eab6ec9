import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline/promises';
import { MillraceError } from '@millrace/vocabulary';
import { ApiClient } from '../client/api-client.js';
import type { Json, Row } from '../client/api-client.js';
import { renderOne, renderRows } from '../output/render.js';
import { print, tell } from '../output/terminal.js';
import type { OutputOptions } from '../output/terminal.js';

const V1 = '/api/millrace/v1';
const USER_COLUMNS = ['name', 'roles', 'is_active', 'email', 'last_login'];
const ROLE_COLUMNS = ['name', 'description', 'is_fixed', 'permissions'];
const TEAM_COLUMNS = ['name', 'description', 'sources', 'dags'];
const TOKEN_COLUMNS = ['id', 'name', 'user_name', 'prefix', 'state', 'expires_at', 'last_used_at'];

export interface UserOptions extends OutputOptions {
  readonly role?: readonly string[];
  readonly email?: string;
  readonly firstName?: string;
  readonly lastName?: string;
  readonly passwordFile?: string;
  readonly password?: boolean;
  readonly disable?: boolean;
  readonly enable?: boolean;
  readonly ifMissing?: boolean;
}

export async function listUsers(options: OutputOptions): Promise<void> {
  print(await renderRows((await ApiClient.fromEnvironment().list(`${V1}/users`, 'users', { order_by: 'name' })).map(flat), USER_COLUMNS, options.output));
}

/** Without a password file one is made and told, once. With `ifMissing` it may be said again and again, as a Job of Kubernetes does. */
export async function createUser(name: string, options: UserOptions): Promise<void> {
  const made = options.passwordFile === undefined && options.password !== true;
  const password = made ? randomBytes(15).toString('base64url') : await passwordFrom(options.passwordFile);
  const api = ApiClient.fromEnvironment();
  let user: Row;
  try {
    user = await api.post(`${V1}/users`, { name, password, ...(options.role === undefined ? {} : { roles: options.role }), ...facts(options) });
  } catch (error) {
    if (options.ifMissing !== true || !(error instanceof MillraceError) || error.code !== 'conflict') throw error;
    // Another thing of theirs may be taken, not the name: then this one says that there is no such user.
    const there = await api.get(at('users', name));
    tell(`user ${name} is there already and is left as they are`);
    return print(await renderOne(flat(there as Row), USER_COLUMNS, options.output));
  }
  print(await renderOne(flat(user), USER_COLUMNS, options.output));
  if (made) tell(`password of ${name}: ${password}`);
}

export async function changeUser(name: string, options: UserOptions): Promise<void> {
  if (options.disable === true && options.enable === true) throw new MillraceError('bad_request', '--disable and --enable say opposite things');
  const body = {
    ...(options.role === undefined ? {} : { roles: options.role }), ...facts(options), ...(options.disable === true ? { is_active: false } : {}), ...(options.enable === true ? { is_active: true } : {}),
    ...(options.passwordFile !== undefined || options.password === true ? { password: await passwordFrom(options.passwordFile) } : {}),
  };
  if (Object.keys(body).length === 0) throw new MillraceError('bad_request', 'nothing to change was named; see millrace users update --help');
  print(await renderOne(flat(await ApiClient.fromEnvironment().patch(at('users', name), body)), USER_COLUMNS, options.output));
}

export async function changeRole(which: 'add' | 'remove', name: string, role: string, options: OutputOptions): Promise<void> {
  const api = ApiClient.fromEnvironment();
  const before = ((await api.get(at('users', name)))['roles'] as string[] | undefined) ?? [];
  if (before.includes(role) === (which === 'add')) throw new MillraceError(which === 'add' ? 'conflict' : 'not_found', which === 'add' ? `${name} has role ${role} already` : `${name} has no role ${role}; they have ${before.join(', ') || 'none'}`);
  const roles = which === 'add' ? [...before, role] : before.filter((each) => each !== role);
  print(await renderOne(flat(await api.patch(at('users', name), { roles })), USER_COLUMNS, options.output));
}

/** Without one that is given, a password is made and told, once. */
export async function resetPassword(name: string, options: Pick<UserOptions, 'passwordFile' | 'password'>): Promise<void> {
  const made = options.passwordFile === undefined && options.password !== true;
  const password = made ? randomBytes(15).toString('base64url') : await passwordFrom(options.passwordFile);
  await ApiClient.fromEnvironment().patch(at('users', name), { password });
  tell(made ? `password of ${name}: ${password}` : `${name} has a new password`);
}

export async function deleteUser(name: string): Promise<void> {
  await ApiClient.fromEnvironment().delete(at('users', name));
  tell(`user ${name} is deleted, with their tokens`);
}

export async function listRoles(options: OutputOptions): Promise<void> {
  print(await renderRows((await ApiClient.fromEnvironment().list(`${V1}/roles`, 'roles')).map(flat), ROLE_COLUMNS, options.output));
}

/** Makes a role, or changes the one of that name. */
export async function setRole(name: string, permissionsFile: string, options: OutputOptions & { readonly description?: string }): Promise<void> {
  const body = { permissions: jsonFrom(permissionsFile), ...(options.description === undefined ? {} : { description: options.description }) };
  const api = ApiClient.fromEnvironment();
  const role = await api.post(`${V1}/roles`, { name, ...body }).catch((error: unknown) => {
    if (!(error instanceof MillraceError) || error.code !== 'conflict') throw error;
    return api.patch(at('roles', name), body);
  });
  print(await renderOne(flat(role), ROLE_COLUMNS, options.output));
}

export async function deleteRole(name: string): Promise<void> {
  await ApiClient.fromEnvironment().delete(at('roles', name));
  tell(`role ${name} is deleted`);
}

export async function listTeams(options: OutputOptions): Promise<void> {
  print(await renderRows((await ApiClient.fromEnvironment().list(`${V1}/teams`, 'teams')).map(flat), TEAM_COLUMNS, options.output));
}

/** Unlike `teams set` it changes none that is there. */
export async function createTeam(name: string, options: OutputOptions): Promise<void> {
  print(await renderOne(flat(await ApiClient.fromEnvironment().post(`${V1}/teams`, { name })), TEAM_COLUMNS, options.output));
}

/** Makes a team, or changes the one of that name. */
export async function setTeam(name: string, sources: readonly string[], options: OutputOptions & { readonly description?: string }): Promise<void> {
  const body = { sources, ...(options.description === undefined ? {} : { description: options.description }) };
  const api = ApiClient.fromEnvironment();
  const team = await api.post(`${V1}/teams`, { name, ...body }).catch((error: unknown) => {
    if (!(error instanceof MillraceError) || error.code !== 'conflict') throw error;
    return api.patch(at('teams', name), body);
  });
  print(await renderOne(flat(team), TEAM_COLUMNS, options.output));
}

export async function deleteTeam(name: string): Promise<void> {
  await ApiClient.fromEnvironment().delete(at('teams', name));
  tell(`team ${name} is deleted; what it owned is nobody's`);
}

export async function listTokens(options: OutputOptions & { readonly all?: boolean }): Promise<void> {
  print(await renderRows(await ApiClient.fromEnvironment().list(`${V1}/tokens`, 'tokens', { all: options.all }), TOKEN_COLUMNS, options.output));
}

/** The token alone goes to the standard output, so that it can go into a file. */
export async function createToken(name: string, options: { readonly permissions?: string; readonly days?: number }): Promise<void> {
  const made = await ApiClient.fromEnvironment().post(`${V1}/tokens`, {
    name, ...(options.permissions === undefined ? {} : { permissions: jsonFrom(options.permissions) }), ...(options.days === undefined ? {} : { expires_at: new Date(Date.now() + options.days * 86_400_000).toISOString() }),
  });
  tell(`token ${name} (${String(made['id'])}) ${made['expires_at'] === null ? 'does not expire' : `expires ${String(made['expires_at'])}`}; it is shown this once:`);
  print(`${String(made['token'])}\n`);
}

export async function revokeToken(idOrName: string): Promise<void> {
  const api = ApiClient.fromEnvironment();
  const own = (await api.list(`${V1}/tokens`, 'tokens')).find((token) => token['name'] === idOrName);
  await api.delete(at('tokens', own === undefined ? idOrName : String(own['id'])));
  tell(`token ${idOrName} is revoked`);
}

function at(kind: string, name: string): string {
  return `${V1}/${kind}/${encodeURIComponent(name)}`;
}

/** Lists and permissions as text, for tables. */
function flat(row: Row): Row {
  return Object.fromEntries(Object.entries(row).map(([name, value]) => [name, Array.isArray(value) ? (value.every((one) => typeof one === 'string') ? value.join(', ') : JSON.stringify(value)) : value] as [string, Json]));
}

function facts(options: UserOptions): Record<string, string> {
  return { ...(options.email === undefined ? {} : { email: options.email }), ...(options.firstName === undefined ? {} : { first_name: options.firstName }), ...(options.lastName === undefined ? {} : { last_name: options.lastName }) };
}

/** Never from an argument: other users of the machine see those. */
async function passwordFrom(file: string | undefined): Promise<string> {
  if (file !== undefined) return textOf(file).replace(/\r?\n$/, '');
  const lines = createInterface({ input: process.stdin, terminal: false });
  if (process.stdin.isTTY === true) tell('password (shown while you type; --password-file does not):');
  for await (const line of lines) {
    lines.close();
    return line;
  }
  throw new MillraceError('bad_request', 'no password came from the standard input');
}

function jsonFrom(file: string): unknown {
  try {
    return JSON.parse(textOf(file));
  } catch (error) {
    if (error instanceof MillraceError) throw error;
    throw new MillraceError('bad_request', `${file} is not JSON: ${(error as Error).message}. Permissions look like [{"actions":["read"],"resources":["dag","dag_run"],"dags":["etl_*"]}]`);
  }
}

function textOf(file: string): string {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8');
  } catch (error) {
    throw new MillraceError('bad_request', `${file} cannot be read: ${(error as Error).message}`);
  }
}
