import type { Duplex } from 'node:stream';
import { connect, credentials } from 'amqplib';
import type { ChannelModel } from 'amqplib';
import { Signal, backoffMs, pause } from '@millrace/lifecycle';
import type { ClientTlsFiles } from '@millrace/lifecycle';
import type { Logger } from '@millrace/telemetry';

export interface AmqpLinkOptions {
  /** `amqp://user:password@host:port/vhost`; a `heartbeat` in the query wins over ours. */
  readonly url: string;
  /** For `amqps:`. An address without a user name then logs in by the certificate (SASL EXTERNAL). */
  readonly tls?: ClientTlsFiles | undefined;
  /** For the log and the broker's list of connections: `publish`, `consume`. */
  readonly purpose: string;
  readonly service: string;
  readonly logger: Logger;
  /** Opens channels on the new connection. A throw means trying again later. `giveUp` ends this connection, and no later one. */
  readonly setUp: (model: ChannelModel, giveUp: (reason: string) => void) => Promise<void>;
  /** The connection is gone, and with it every channel. Called once after each `setUp`, failed ones included. */
  readonly tearDown: () => void;
}

/** Seconds. A frozen peer is noticed after two of them (measured: 2 × heartbeat + 2 s). */
const HEARTBEAT_SECONDS = 10;
/** A handshake or topology that takes longer is given up: a frozen broker accepts TCP and says nothing. */
const OPEN_TIMEOUT_MS = 10_000;
/** How long a polite close may take before the socket is destroyed. */
const CLOSE_TIMEOUT_MS = 1_000;
/** A connection that lived this long was good: the next trouble is met without a long pause. */
const STABLE_AFTER_MS = 5_000;

/**
 * One connection that is made anew, with jitter, whenever it ends, until `close`. Everything on it is set up from
 * scratch each time: half-alive channels are never kept.
 */
export class AmqpLink {
  /** Tests wait for it. */
  readonly connected = new Signal('amqp-connected');
  private running: Promise<void> | null = null;
  private aborter = new AbortController();
  private endCurrent: ((reason: string) => void) | null = null;
  private downSince = performance.now();
  private lastReason = 'not connected yet';
  /** Connections that were up and ended by themselves. */
  losses = 0;
  private up = false;
  private blockedReason: string | null = null;

  constructor(private readonly options: AmqpLinkOptions) {}

  get isUp(): boolean {
    return this.up;
  }

  /** False: nobody has asked for this connection. */
  get isWanted(): boolean {
    return this.running !== null;
  }

  get purpose(): string {
    return this.options.purpose;
  }

  /** Why the broker takes nothing from us at present (memory or disk alarm), or null. */
  get blocked(): string | null {
    return this.blockedReason;
  }

  /** A sentence for health reports, or null when all is well. */
  get trouble(): string | null {
    if (!this.up) return `reconnecting for ${Math.round((performance.now() - this.downSince) / 1_000)} s: ${this.lastReason}`;
    return this.blockedReason === null ? null : `blocked by the broker: ${this.blockedReason}`;
  }

  /** Begins to connect, and returns. */
  open(): void {
    if (this.running !== null) return;
    this.aborter = new AbortController();
    this.downSince = performance.now();
    this.running = this.run(this.aborter.signal);
  }

  async close(): Promise<void> {
    this.aborter.abort();
    this.endCurrent?.('closed by us');
    await this.running;
    this.running = null;
  }

  private async run(signal: AbortSignal): Promise<void> {
    let failures = 0;
    while (!signal.aborted) {
      const openedAt = performance.now();
      const reason = await this.live(signal);
      if (performance.now() - openedAt > STABLE_AFTER_MS) failures = 0;
      if (this.up || failures === 0) this.downSince = performance.now();
      this.up = false;
      this.blockedReason = null;
      this.lastReason = reason;
      if (signal.aborted) break;
      failures++;
      const pauseMs = backoffMs(failures, { minMs: 50, maxMs: 2_000 });
      // The first is worth a warning, and then one now and again: an hour without a broker is not an hour of lines.
      const level = failures === 1 || failures % 20 === 0 ? 'warn' : 'debug';
      this.options.logger[level]('no connection to the message broker; trying again', { purpose: this.options.purpose, reason, failures, pause_ms: pauseMs });
      await pause(pauseMs, signal);
    }
  }

  /** One connection from its opening to its end; why it ended. */
  private async live(signal: AbortSignal): Promise<string> {
    let end = (_reason: string): void => undefined;
    const ended = new Promise<string>((resolve) => (end = resolve));
    this.endCurrent = end;
    let model: ChannelModel | null = null;
    let over = false;
    try {
      signal.throwIfAborted();
      const opening = this.connect();
      // A connection that comes too late is closed here: nobody else will.
      opening.then((late) => (over ? destroy(late) : undefined), () => undefined);
      model = await within(OPEN_TIMEOUT_MS, 'no handshake', opening, ended);
      model.on('error', (error: Error) => end(error.message));
      model.on('close', (error?: Error) => end(error?.message ?? 'closed by the broker'));
      model.on('blocked', (reason: string) => (this.blockedReason = reason));
      model.on('unblocked', () => (this.blockedReason = null));
      model.on('handler-error', (error: Error, event: string) => end(`a handler of ${event} failed: ${error.message}`));
      await within(OPEN_TIMEOUT_MS, 'no answer while setting up', this.options.setUp(model, end), ended);
      this.up = true;
      this.options.logger.info('connected to the message broker', { purpose: this.options.purpose });
      this.connected.emit();
      return await ended;
    } catch (error) {
      return describe(error);
    } finally {
      over = true;
      this.endCurrent = null;
      const wasUp = this.up;
      this.up = false;
      if (wasUp) this.downSince = performance.now();
      if (wasUp && !signal.aborted) this.losses++;
      this.options.tearDown();
      if (model !== null) await closeModel(model);
    }
  }

  private connect(): Promise<ChannelModel> {
    const url = new URL(this.options.url);
    if (!url.searchParams.has('heartbeat')) url.searchParams.set('heartbeat', String(HEARTBEAT_SECONDS));
    return connect(url.href, {
      // Without it a hop costs 44 ms: small frames wait for the delayed acknowledgement of the last one.
      noDelay: true,
      timeout: OPEN_TIMEOUT_MS,
      ...this.options.tls,
      ...(this.options.tls?.cert !== undefined && url.username === '' ? { credentials: credentials.external() } : {}),
      clientProperties: { connection_name: `millrace ${this.options.service} ${this.options.purpose} ${process.pid}` },
    });
  }
}

/** Result of the work, or a throw when the time is over or the connection ended. */
async function within<Result>(ms: number, sentence: string, work: Promise<Result>, ended: Promise<string>): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${sentence} within ${ms} ms`)), ms);
  });
  const gone = ended.then((reason) => Promise.reject(new Error(reason)));
  work.catch(() => undefined);
  try {
    return await Promise.race([work, tooLate, gone]);
  } finally {
    clearTimeout(timer);
    gone.catch(() => undefined);
  }
}

async function closeModel(model: ChannelModel): Promise<void> {
  // The broker may be frozen or the socket dead: politeness gets a second.
  model.on('error', () => undefined);
  let timer: NodeJS.Timeout | undefined;
  const enough = new Promise<void>((resolve) => (timer = setTimeout(resolve, CLOSE_TIMEOUT_MS)));
  await Promise.race([model.close().catch(() => undefined), enough]);
  clearTimeout(timer);
  destroy(model);
}

function destroy(model: ChannelModel): void {
  (model.connection as unknown as { readonly stream?: Duplex }).stream?.destroy();
}

function describe(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(describe).join('; ');
  const { code, message } = error as { code?: string; message?: string };
  return message || code || String(error);
}
