/** A connection with its secrets, as a task would use it. */
export interface ProbedConnection {
  readonly connection_id: string;
  readonly conn_type: string;
  readonly host?: string | null | undefined;
  readonly port?: number | null | undefined;
  readonly login?: string | null | undefined;
  readonly schema?: string | null | undefined;
  readonly password: string | null;
  readonly extra: string | null;
}

export interface ProbeResult {
  readonly status: boolean;
  readonly message: string;
}

const WITHIN_MS = 10_000;

/** Uses a connection as a task would, without doing anything. Never throws, never repeats a secret. */
export async function probeConnection(connection: ProbedConnection): Promise<ProbeResult> {
  const secrets = secretsOf(connection);
  try {
    // Loaded when the first connection is tested: the operators bring drivers with them.
    const { testConnection } = await import('@millrace/operators');
    const { connection_id: connectionId, conn_type: connType, host, port, login, password, schema, extra } = connection;
    const signal = AbortSignal.timeout(WITHIN_MS);
    const late = new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(new Error(`nobody answered within ${WITHIN_MS / 1_000} s`)), { once: true }));
    const message = await Promise.race([testConnection({ connectionId, connType, host: host ?? null, port: port ?? null, login: login ?? null, password, schema: schema ?? null, extra: extraOf(extra) }, signal), late]);
    return { status: true, message: masked(message, secrets) };
  } catch (error) {
    return { status: false, message: masked(error instanceof Error ? (error.message || (error as { code?: string }).code || error.name) : String(error), secrets) };
  }
}

function extraOf(extra: string | null): Readonly<Record<string, unknown>> {
  if (extra === null || extra === '') return {};
  let parsed: unknown;
  try {
    parsed = JSON.parse(extra);
  } catch {
    throw new Error('extra is not JSON');
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) throw new Error('extra must be a JSON object');
  return parsed as Readonly<Record<string, unknown>>;
}

/** The password, and every longer text of the extra: which of them is one nobody can know. */
function secretsOf({ password, extra }: ProbedConnection): readonly string[] {
  const texts = /"((?:[^"\\]|\\.){8,})"\s*[,}\]]/g;
  const inExtra = [...(extra ?? '').matchAll(texts)].map((match) => match[1] as string);
  return [password ?? '', ...inExtra].filter((text) => text !== '' && !/^(https?|tcp|unix):\/\//.test(text) && !text.startsWith('/'));
}

function masked(text: string, secrets: readonly string[]): string {
  return secrets.reduce((left, secret) => left.replaceAll(secret, '***'), text);
}
