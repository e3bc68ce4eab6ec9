import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MillraceError } from '@millrace/vocabulary';
import { codeOf } from './failure.js';
import { homeFolder } from './home.js';
import { runningStandalone } from './running-standalone.js';

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type Row = Record<string, Json>;
export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

export interface Credentials {
  readonly username: string;
  readonly password: string;
  /** For the message when they are refused. */
  readonly from: string;
}

const PAGE = 100;

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
  ) {}

  static fromEnvironment(env: NodeJS.ProcessEnv = process.env): ApiClient {
    const home = homeFolder(env);
    const url = env['MILLRACE_API_URL'] || runningStandalone(home)?.url || 'http://127.0.0.1:8080';
    if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) throw new MillraceError('bad_request', `MILLRACE_API_URL must be an http address like http://127.0.0.1:8080, got ${JSON.stringify(url)}`);
    return new ApiClient(url.replace(/\/+$/, ''), home, () => credentialsFrom(home, env));
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

  private async ask<Answer>(method: string, path: string, query: Query, body?: object): Promise<Answer> {
    const known = this.token ?? this.keptToken();
    let response = await this.send(method, path, query, known ?? (await this.login()), body);
    if (response.status === 401 && known !== null) {
      response = await this.send(method, path, query, await this.login(), body);
    }
    const text = await response.text();
    const answer = parsed(text);
    if (response.ok) return answer as Answer;
    throw new MillraceError(codeOf(response.status), detailOf(answer) ?? `${method} ${path}: ${response.status} ${response.statusText}`, { status: response.status, path });
  }

  private async send(method: string, path: string, query: Query, token: string | null, body?: object): Promise<Response> {
    const url = new URL(this.url + path);
    for (const [name, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(name, String(value));
    const headers: Record<string, string> = { accept: 'application/json' };
    if (token !== null) headers['authorization'] = `Bearer ${token}`;
    if (body !== undefined) headers['content-type'] = 'application/json';
    try {
      return await fetch(url, { method, headers, redirect: 'error', ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
    } catch (error) {
      const cause = (error as { cause?: { code?: string; message?: string } }).cause;
      throw new MillraceError('unavailable', `no answer from ${this.url} (${cause?.code ?? cause?.message ?? (error as Error).message}). Is it running? Start it with: millrace standalone. Elsewhere: set MILLRACE_API_URL`);
    }
  }

  private async login(): Promise<string> {
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
    this.keepToken(username);
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
