import { ExternalCancels } from '@millrace/persistence';
import type { CancelRequest, Database, WantedCancel } from '@millrace/persistence';
import type { Logger } from '@millrace/telemetry';
import type { AskingDag } from '../watchers/watched-source.js';

const BATCH = 20;
const REQUEST_TIMEOUT_MS = 10_000;
/** Who takes a request and dies leaves it to others after this. */
const TAKEN_FOR_MS = 30_000;
const FIRST_RETRY_MS = 1_000;
const MAX_RETRY_MS = 10 * 60_000;
/** With the pauses above: about an hour and a half. */
const MAX_TRIES = 20;

/** Headers that authorise a request, from a connection. */
export type AuthorizationOf = (connectionId: string, dag: AskingDag) => Promise<Readonly<Record<string, string>>>;

/**
 * Tells platforms that nobody waits any more for work they do. At least once: a platform must take the same request twice. Rung by the
 * effect that wants it, and by the sweeper. No redirects, http and https only, no link-local addresses.
 */
export class ExternalStopper {
  readonly #cancels: ExternalCancels;
  #running: Promise<number> | undefined;

  constructor(
    database: Database,
    private readonly authorization: AuthorizationOf,
    private readonly logger: Logger,
  ) {
    this.#cancels = new ExternalCancels(database);
  }

  /** Never throws, never waits. */
  poke(): void {
    void this.once().catch((error: unknown) => this.logger.debug('platforms are told by the next sweep', { error: textOf(error) }));
  }

  /** @returns how many platforms were told. */
  once(): Promise<number> {
    return (this.#running ??= this.#tell().finally(() => (this.#running = undefined)));
  }

  async #tell(): Promise<number> {
    let told = 0;
    for (;;) {
      const wanted = await this.#cancels.take(TAKEN_FOR_MS, BATCH);
      const results = await Promise.all(wanted.map((cancel) => this.#one(cancel)));
      told += results.filter(Boolean).length;
      if (wanted.length < BATCH) return told;
    }
  }

  async #one({ id, cancel, tries, externalId, dagId, team }: WantedCancel): Promise<boolean> {
    try {
      await send(cancel, cancel.connectionId === undefined ? {} : await this.authorization(cancel.connectionId, { dagId, team }));
      await this.#cancels.told(id);
      return true;
    } catch (error) {
      const isOver = tries >= MAX_TRIES || error instanceof Unsendable;
      const reason = textOf(error);
      this.logger[isOver ? 'error' : 'warn'](isOver ? 'a platform could not be told to stop; given up' : 'a platform could not be told to stop; tried again', { external_task: id, external_id: externalId, tries, error: reason });
      await this.#cancels.failed(id, reason, isOver ? null : Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(tries - 1, 12)));
      return false;
    }
  }
}

/** Another try would fail the same way. */
class Unsendable extends Error {}

async function send(cancel: CancelRequest, authorization: Readonly<Record<string, string>>): Promise<void> {
  const url = URL.canParse(cancel.url) ? new URL(cancel.url) : undefined;
  if (url === undefined || (url.protocol !== 'http:' && url.protocol !== 'https:')) throw new Unsendable('the cancel address is no http or https URL');
  if (isLinkLocal(url.hostname)) throw new Unsendable('the cancel address is link-local');
  const response = await fetch(url, {
    method: cancel.method ?? 'POST',
    headers: { ...cancel.headers, ...authorization },
    ...(cancel.body === undefined ? {} : { body: cancel.body }),
    redirect: 'manual',
    signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
  });
  await response.body?.cancel();
  // Gone already: that is what was wanted.
  if (response.ok || response.status === 404 || response.status === 409 || response.status === 410) return;
  const problem = `the platform answered ${response.status}`;
  throw response.status >= 300 && response.status < 500 && response.status !== 408 && response.status !== 429 ? new Unsendable(problem) : new Error(problem);
}

function isLinkLocal(host: string): boolean {
  return host.startsWith('169.254.') || /^\[fe[89ab]/i.test(host);
}

function textOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause instanceof Error ? `: ${error.cause.message}` : '';
  return `${error.message}${cause}`;
}
