import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MillraceError } from '@millrace/vocabulary';
import { codeOf } from './failure.js';
import { homeFolder } from './home.js';
import { Profiles } from './profiles.js';
import { runningStandalone } from './running-standalone.js';

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type Row = Record<string, Json>;
export type Query = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;

export interface Credentials {
  readonly username: string;
  readonly password: string;
  /** For the message when they are refused. */
  readonly from: string;
}

/** What is sent as it is. */
export interface RawBody {
  readonly body?: string | Buffer<ArrayBuffer>;
  readonly type?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const PAGE = 100;
/** An api that says nothing for so long is as good as away; long work is not done in one request. */
const TIMEOUT_MS = 60_000;
/** Who asks with a token that cannot be renewed here. */
const FIXED_TOKEN_HINTS = { token: 'MILLRACE_TOKEN', profile: 'the login' } as const;

/**
 * Airflow's REST API v2 over fetch. The token is kept in `$MILLRACE_HOME/cli-token` (mode 0600) and renewed when it is refused.
 * Every refusal becomes a MillraceError with the server's own words.
 */
export class ApiClient {
  private token: string | null = null;

  constructor(
    readonly url: string,
    private readonly home: string,
    private readonly credentials: () => Credentials,
    private readonly fixed: { readonly token: string; readonly from: string; readonly hint: string } | null = null,
    private readonly timeoutMs: number = timeoutFrom(process.env),
  ) {}

  /** `MILLRACE_API_URL`, else the profile of `millrace login`, else the standalone of this home, else this machine. */
  static fromEnvironment(env: NodeJS.ProcessEnv = process.env, timeoutMs: number = timeoutFrom(env)): ApiClient {
    const home = homeFolder(env);
    const profile = env['MILLRACE_API_URL'] ? null : new Profiles(home).chosen(env['MILLRACE_PROFILE']);
    const url = env['MILLRACE_API_URL'] || profile?.url || runningStandalone(home)?.url || 'http://127.0.0.1:8080';
    if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) throw new MillraceError('bad_request', `MILLRACE_API_URL must be an http address like http://127.0.0.1:8080, got ${JSON.stringify(url)}`);
    const fixed = env['MILLRACE_TOKEN'] ? { token: env['MILLRACE_TOKEN'], from: FIXED_TOKEN_HINTS.token, hint: 'Set another one' }
      : profile === null ? null : { token: profile.token, from: `${FIXED_TOKEN_HINTS.profile} ${profile.name}`, hint: `Log in again: millrace login ${profile.url} --username ${profile.username} --profile ${profile.name}` };
    return new ApiClient(url.replace(/\/+$/, ''), home, () => credentialsFrom(home, env), fixed, timeoutMs);
  }

  /** A token for a name and a password. @throws MillraceError `unauthorized` */
  static async tokenFor(url: string, username: string, password: string): Promise<string> {
    return new ApiClient(url, '', () => ({ username, password, from: 'what was typed' })).login(false);
  }

  get<Answer = Row>(path: string, query: Query = {}): Promise<Answer> {
    return this.ask('GET', path, query);
  }

  post<Answer = Row>(path: string, body: object): Promise<Answer> {
    return this.ask('POST', path, {}, body);
  }

  put<Answer = Row>(path: string, body?: object): Promise<Answer> {
    return this.ask('PUT', path, {}, body);
  }

  patch<Answer = Row>(path: string, body: object): Promise<Answer> {
    return this.ask('PATCH', path, {}, body);
  }

  async delete(path: string): Promise<void> {
    await this.ask('DELETE', path, {});
  }

  /** Something else than JSON, or with headers of its own. */
  sendAs<Answer = Row>(method: string, path: string, raw: RawBody): Promise<Answer> {
    return this.ask(method, path, {}, undefined, raw);
  }

  /** All rows of a list, page by page. @param most stop after so many. */
  async list(path: string, key: string, query: Query = {}, most = Number.POSITIVE_INFINITY): Promise<Row[]> {
    const rows: Row[] = [];
    for (;;) {
      const page = await this.get<Row>(path, { ...query, limit: Math.min(PAGE, most - rows.length), offset: rows.length });
      const found = page[key] as Row[];
      rows.push(...found);
      if (found.length === 0 || rows.length >= Math.min(most, Number(page['total_entries'] ?? 0))) return rows;
    }
  }

  private async ask<Answer>(method: string, path: string, query: Query, body?: object, raw: RawBody = {}): Promise<Answer> {
    if (this.fixed !== null) return this.read(method, path, await this.send(method, path, query, this.fixed.token, body, raw));
    const known = this.token ?? this.keptToken();
    let response = await this.send(method, path, query, known ?? (await this.login()), body, raw);
    if (response.status === 401 && known !== null) {
      response = await this.send(method, path, query, await this.login(), body, raw);
    }
    return this.read(method, path, response);
  }

  private async read<Answer>(method: string, path: string, response: Response): Promise<Answer> {
    const text = await response.text();
    const answer = parsed(text);
    if (response.ok && answer === null && !/^(null)?$/.test(text.trim())) throw new MillraceError('unavailable', `${this.url} answered something that is no JSON; is it a millrace api?`);
    if (response.ok) return answer as Answer;
    if (response.status === 401 && this.fixed !== null) throw new MillraceError('unauthorized', `${this.url} does not take the token of ${this.fixed.from} any more (${detailOf(answer) ?? response.statusText}). ${this.fixed.hint}`);
    if (response.status === 404 && /^Cannot (GET|POST|PUT|PATCH|DELETE) /.test(detailOf(answer) ?? '')) throw new MillraceError('unavailable', await this.unknownRoute(method, path));
    throw new MillraceError(codeOf(response.status), detailOf(answer) ?? `${method} ${path}: ${response.status} ${response.statusText}`, { status: response.status, path });
  }

  private async send(method: string, path: string, query: Query, token: string | null, body?: object, raw: RawBody = {}): Promise<Response> {
    const url = new URL(this.url + path);
    for (const [name, value] of Object.entries(query)) if (value !== undefined) for (const each of [value].flat()) url.searchParams.append(name, String(each));
    const headers: Record<string, string> = { accept: 'application/json' };
    if (token !== null) headers['authorization'] = `Bearer ${token}`;
    if (body !== undefined) headers['content-type'] = 'application/json';
    if (raw.type !== undefined) headers['content-type'] = raw.type;
    Object.assign(headers, raw.headers);
    const sent = raw.body ?? (body === undefined ? undefined : JSON.stringify(body));
    try {
      return await fetch(url, { method, headers, redirect: 'error', signal: AbortSignal.timeout(this.timeoutMs), ...(sent === undefined ? {} : { body: sent }) });
    } catch (error) {
      if ((error as Error).name === 'TimeoutError') throw new MillraceError('unavailable', `no answer from ${this.url} within ${this.timeoutMs / 1_000} s (MILLRACE_API_TIMEOUT, seconds)`);
      const cause = (error as { cause?: { code?: string; message?: string } }).cause;
      throw new MillraceError('unavailable', `no answer from ${this.url} (${cause?.code ?? cause?.message ?? (error as Error).message}). Is it running? Start it with: millrace standalone. Elsewhere: set MILLRACE_API_URL`);
    }
  }

  /** This program knows a route that the api does not: they are of different versions. */
  private async unknownRoute(method: string, path: string): Promise<string> {
    const response = await this.send('GET', '/api/v2/version', {}, null).catch(() => null);
    const { version } = (response === null ? {} : (parsed(await response.text()) as { version?: string } | null)) ?? {};
    if (version === undefined) return `${this.url} knows no ${method} ${path}; is it a millrace api?`;
    return `the api at ${this.url} (version ${version}) knows no ${method} ${path}: it is older than this program, or another one. Use the program of its version`;
  }

  private async login(keep = true): Promise<string> {
    let known: Credentials;
    try {
      known = this.credentials();
    } catch (error) {
      // Nobody there is the better news: then a password would not help either.
      await this.send('GET', '/api/v2/version', {}, null);
      throw error;
    }
    const { username, password, from } = known;
    const response = await this.send('POST', '/auth/token', {}, null, { username, password });
    const answer = parsed(await response.text()) as { access_token?: string } | null;
    if (response.status === 401 || response.status === 403) {
      throw new MillraceError('unauthorized', `${this.url} refused user ${username} with the password from ${from}. Set MILLRACE_USERNAME and MILLRACE_PASSWORD`);
    }
    if (!response.ok || typeof answer?.access_token !== 'string') throw new MillraceError(codeOf(response.status), detailOf(answer) ?? `${this.url} gave no token (${response.status}); is it a millrace api?`);
    this.token = answer.access_token;
    if (keep) this.keepToken(username);
    return this.token;
  }

  private keptToken(): string | null {
    try {
      const kept = JSON.parse(readFileSync(this.tokenFile, 'utf8')) as { url?: string; username?: string; token?: string };
      const username = process.env['MILLRACE_USERNAME'] || undefined;
      if (kept.url !== this.url || typeof kept.token !== 'string' || (username !== undefined && username !== kept.username)) return null;
      return (this.token = kept.token);
    } catch {
      return null;
    }
  }

  private keepToken(username: string): void {
    try {
      mkdirSync(this.home, { recursive: true });
      rmSync(this.tokenFile, { force: true });
      writeFileSync(this.tokenFile, JSON.stringify({ url: this.url, username, token: this.token }), { mode: 0o600 });
      chmodSync(this.tokenFile, 0o600);
    } catch {
      // A home that can't be written costs one login a command.
    }
  }

  private get tokenFile(): string {
    return join(this.home, 'cli-token');
  }
}

function timeoutFrom(env: NodeJS.ProcessEnv): number {
  const text = env['MILLRACE_API_TIMEOUT'];
  if (text === undefined || text === '') return TIMEOUT_MS;
  const seconds = Number(text);
  if (!(seconds > 0 && seconds <= 86_400)) throw new MillraceError('bad_request', `MILLRACE_API_TIMEOUT must be seconds from 1 to 86400, got ${JSON.stringify(text)}`);
  return seconds * 1_000;
}

function credentialsFrom(home: string, env: NodeJS.ProcessEnv): Credentials {
  const username = env['MILLRACE_USERNAME'] || 'admin';
  if (env['MILLRACE_PASSWORD']) return { username, password: env['MILLRACE_PASSWORD'], from: 'MILLRACE_PASSWORD' };
  const file = join(home, 'admin-password');
  if (username === 'admin') {
    try {
      return { username, password: readFileSync(file, 'utf8').trim(), from: file };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw new MillraceError('unauthorized', `${file} can't be read: ${(error as Error).message}. Set MILLRACE_USERNAME and MILLRACE_PASSWORD`);
    }
  }
  throw new MillraceError('unauthorized', `no password known for user ${username}: set MILLRACE_USERNAME and MILLRACE_PASSWORD${username === 'admin' ? ` (a standalone on this machine would have left it in ${file})` : ''}`);
}

function parsed(text: string): unknown {
  try {
    return text === '' ? null : JSON.parse(text);
  } catch {
    return null;
  }
}

/** `detail` is a sentence, or (422) a list of `{loc, msg}`. */
function detailOf(answer: unknown): string | null {
  const detail = (answer as { detail?: unknown } | null)?.detail;
  if (typeof detail === 'string') return detail;
  if (Array.isArray(detail)) {
    return detail.map((each: { loc?: unknown[]; msg?: string }) => `${(each.loc ?? []).filter((part) => part !== 'body').join('.')}: ${each.msg ?? JSON.stringify(each)}`.replace(/^: /, '')).join('; ');
  }
  if (typeof detail === 'object' && detail !== null) return (detail as { reason?: string }).reason ?? JSON.stringify(detail);
  return null;
}
