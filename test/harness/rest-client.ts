import { OpenApiAnswers } from '@millrace/test-services';
import type { Journal, JournalEntry } from '../oracle/journal.js';

export interface RestAnswer<Body = Record<string, unknown>> {
  readonly status: number;
  readonly body: Body;
}

export interface RunView {
  readonly dag_run_id: string;
  readonly state: string;
  readonly [field: string]: unknown;
}
export interface InstanceView {
  readonly task_id: string;
  readonly state: string | null;
  readonly try_number: number;
  readonly map_index: number;
  readonly [field: string]: unknown;
}

/** The REST API as a client uses it: one token, a journal of what was asked and answered. */
export class RestClient {
  private token: string | null = null;
  private promised: OpenApiAnswers | null = null;

  constructor(
    readonly baseUrl: string,
    private readonly credentials: { readonly username: string; readonly password: string },
    private readonly journal: Journal,
  ) {}

  /** From now on an answer that is not what the api's own document promises is an error. */
  async compareWithDocument(): Promise<void> {
    this.promised = new OpenApiAnswers((await this.must('GET', '/openapi.json')) as unknown as ConstructorParameters<typeof OpenApiAnswers>[0]);
  }

  /** Any call. Never throws for an answer, whatever its status; throws when there was none. */
  async call<Body = Record<string, unknown>>(method: string, path: string, body?: unknown, headers: Readonly<Record<string, string>> = {}): Promise<RestAnswer<Body>> {
    this.token ??= await this.login();
    const response = await fetch(`${this.baseUrl}${path}`, {
      method,
      headers: { authorization: `Bearer ${this.token}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(15_000),
    });
    const text = await response.text();
    const contentType = response.headers.get('content-type') ?? '';
    const answer = contentType.includes('json') && text !== '' ? JSON.parse(text) : text;
    const problems = this.promised?.problemsOf({ method, path, status: response.status, contentType, body: answer }) ?? [];
    if (problems.length > 0) throw new Error(`not what /openapi.json promises:\n${problems.join('\n')}\n${text.slice(0, 2_000)}`);
    return { status: response.status, body: answer as Body };
  }

  /** The body of a call that must succeed. @throws with method, path, status and body otherwise. */
  async must<Body = Record<string, unknown>>(method: string, path: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<Body> {
    const answer = await this.call<Body>(method, path, body, headers);
    if (answer.status >= 300) throw new Error(`${method} ${path} answered ${answer.status}: ${JSON.stringify(answer.body).slice(0, 1_000)}`);
    return answer.body;
  }

  /** Triggers a run and writes down what was answered; no answer and 5xx are `unknown`. */
  async trigger(dagId: string, runId: string, conf: Readonly<Record<string, unknown>> = {}): Promise<JournalEntry['answer']> {
    return this.journaled('trigger', dagId, runId, () => this.call('POST', `/api/v2/dags/${dagId}/dagRuns`, { dag_run_id: runId, logical_date: null, conf }));
  }

  async clear(dagId: string, runId: string, options: Readonly<Record<string, unknown>> = {}): Promise<JournalEntry['answer']> {
    return this.journaled('clear', dagId, runId, () => this.call('POST', `/api/v2/dags/${dagId}/clearTaskInstances`, { dry_run: false, dag_run_id: runId, only_failed: false, reset_dag_runs: true, ...options }));
  }

  async mark(dagId: string, runId: string, taskId: string, state: 'success' | 'failed' | 'skipped'): Promise<JournalEntry['answer']> {
    return this.journaled('mark', dagId, runId, () => this.call('PATCH', `${this.instancePath(dagId, runId, taskId)}`, { new_state: state }));
  }

  async run(dagId: string, runId: string): Promise<RunView> {
    return this.must<RunView>('GET', `/api/v2/dags/${dagId}/dagRuns/${encodeURIComponent(runId)}`);
  }

  async instances(dagId: string, runId: string): Promise<readonly InstanceView[]> {
    return (await this.must<{ task_instances: InstanceView[] }>('GET', `/api/v2/dags/${dagId}/dagRuns/${encodeURIComponent(runId)}/taskInstances?limit=100`)).task_instances;
  }

  /** The log of one try as text, source lines ("*** …") included. */
  async log(dagId: string, runId: string, taskId: string, tryNumber: number): Promise<string> {
    const body = await this.must<unknown>('GET', `${this.instancePath(dagId, runId, taskId)}/logs/${tryNumber}?full_content=true`, undefined, { accept: 'application/json' });
    return logText(body);
  }

  private instancePath(dagId: string, runId: string, taskId: string): string {
    return `/api/v2/dags/${dagId}/dagRuns/${encodeURIComponent(runId)}/taskInstances/${encodeURIComponent(taskId)}`;
  }

  private async journaled(action: JournalEntry['action'], dagId: string, runId: string, call: () => Promise<RestAnswer>): Promise<JournalEntry['answer']> {
    let answer: JournalEntry['answer'];
    let detail: string;
    try {
      const { status, body } = await call();
      answer = status < 300 ? 'done' : status < 500 ? 'refused' : 'unknown';
      detail = `${status} ${JSON.stringify(body).slice(0, 500)}`;
    } catch (error) {
      answer = 'unknown';
      detail = String(error);
    }
    this.journal.record({ action, dagId, runId, answer, detail });
    return answer;
  }

  private async login(): Promise<string> {
    const response = await fetch(`${this.baseUrl}/auth/token`, {
      method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(this.credentials), signal: AbortSignal.timeout(15_000),
    });
    if (response.status !== 201) throw new Error(`POST /auth/token answered ${response.status}: ${await response.text()}`);
    return ((await response.json()) as { access_token: string }).access_token;
  }
}

function logText(body: unknown): string {
  if (typeof body === 'string') return body;
  const content = (body as { content?: unknown }).content;
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) throw new Error(`a log answer without content: ${JSON.stringify(body).slice(0, 300)}`);
  return content.map((line) => (typeof line === 'string' ? line : [(line as { event?: string }).event, ...((line as { sources?: string[] }).sources ?? [])].join('\n'))).join('\n');
}
