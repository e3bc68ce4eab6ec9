/** A refusal of the api in its own words. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  constructor(
    readonly status: number,
    message: string,
    readonly body: unknown,
  ) {
    super(message);
  }
}

type Query = Readonly<Record<string, string | number | boolean | readonly (string | number)[] | null | undefined>>;

/** Called when the session is over, wherever that was noticed. */
export const sessionEnded = { tell: (): void => undefined };

/** Path with its ids percent-encoded: ``path`/dags/${id}` ``. */
export function path(parts: TemplateStringsArray, ...ids: readonly (string | number)[]): string {
  return parts.reduce((text, part, index) => text + part + (index < ids.length ? encodeURIComponent(String(ids[index])) : ''), '');
}

export function withQuery(address: string, query: Query | undefined): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value === undefined || value === null || value === '') continue;
    for (const one of Array.isArray(value) ? value : [value]) search.append(name, String(one));
  }
  const text = search.toString();
  return text === '' ? address : `${address}?${text}`;
}

export async function get<T>(address: string, query?: Query, signal?: AbortSignal): Promise<T> {
  return call<T>('GET', withQuery(address, query), undefined, signal);
}

export async function send<T = unknown>(method: 'POST' | 'PATCH' | 'PUT' | 'DELETE', address: string, body?: unknown): Promise<T> {
  return call<T>(method, address, body);
}

async function call<T>(method: string, address: string, body?: unknown, signal?: AbortSignal): Promise<T> {
  let response: Response;
  try {
    response = await fetch(address, {
      method,
      credentials: 'same-origin',
      headers: { accept: 'application/json', 'x-millrace-ui': '1', ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal === undefined ? {} : { signal }),
    });
  } catch (error) {
    if ((error as Error).name === 'AbortError') throw error;
    throw new ApiError(0, 'The server cannot be reached', null);
  }
  if (response.status === 204) return undefined as T;
  const text = await response.text();
  const answer = parsed(text);
  if (response.ok) return answer as T;
  if (response.status === 401 && !address.startsWith('/auth/')) sessionEnded.tell();
  throw new ApiError(response.status, sentenceOf(answer) ?? `${response.status} ${response.statusText}`, answer);
}

function parsed(text: string): unknown {
  try {
    return text === '' ? null : JSON.parse(text);
  } catch {
    return text;
  }
}

/** `detail` is a sentence, or FastAPI's list of fields. */
function sentenceOf(answer: unknown): string | null {
  const detail = (answer as { detail?: unknown } | null)?.detail;
  if (typeof detail === 'string') return detail;
  if (Array.isArray(detail)) return detail.map((one: { loc?: unknown[]; msg?: string }) => `${(one.loc ?? []).slice(1).join('.') || 'request'}: ${one.msg ?? ''}`).join('\n');
  if (detail !== null && typeof detail === 'object' && typeof (detail as { message?: unknown }).message === 'string') return (detail as { message: string }).message;
  return null;
}
