import { Metadata, type ClientDuplexStream } from '@grpc/grpc-js';
import { executionProto } from '@millrace/contracts';
import { backoffMs, channelCredentials } from '@millrace/lifecycle';
import type { TlsFiles } from '@millrace/lifecycle';

type SessionRequest = executionProto.SessionRequest;
type SessionResponse = executionProto.SessionResponse;

/** XComs are read in one message; the scheduler bounds what it sends. */
const RECEIVE_MAX_BYTES = 64 * 1_048_576;
/** A stream that has not been welcomed by then is given up. */
const WELCOME_WITHIN_MS = 5_000;
const CHANNEL_OPTIONS = {
  'grpc.max_receive_message_length': RECEIVE_MAX_BYTES,
  'grpc.max_send_message_length': -1,
  // A peer that vanished without a word is noticed by pings, not by the kernel after minutes.
  'grpc.keepalive_time_ms': 5_000,
  'grpc.keepalive_timeout_ms': 5_000,
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.min_reconnect_backoff_ms': 100,
  // The link's own back-off decides how often it tries; the library's would be waited for on top of it.
  'grpc.max_reconnect_backoff_ms': 500,
};
const BACKOFF_MIN_MS = 50;

export interface LinkEvents {
  hello(): executionProto.Hello;
  opened(link: SchedulerLink, welcome: executionProto.Welcome, helloSentAt: number): void;
  received(link: SchedulerLink, response: SessionResponse): void;
  /** `wasOpen`: a stream that worked broke, and not one that could not be opened. */
  closed(link: SchedulerLink, reason: string, wasOpen: boolean): void;
  /** Longest pause before the next try to connect. */
  backoffMaxMs(): number;
}

/** The stream to one scheduler, opened again whenever it breaks. */
export class SchedulerLink {
  readonly client: executionProto.ExecutionServiceClient;
  schedulerId = '';
  private stream: ClientDuplexStream<SessionRequest, SessionResponse> | undefined;
  private welcomed = false;
  private failures = 0;
  private timer: NodeJS.Timeout | undefined;
  private stopped = false;

  constructor(
    readonly address: string,
    private readonly internalToken: string,
    private readonly events: LinkEvents,
    tls: TlsFiles | null,
  ) {
    this.client = new executionProto.ExecutionServiceClient(address, channelCredentials(tls), CHANNEL_OPTIONS);
  }

  get isOpen(): boolean {
    return this.welcomed;
  }

  metadata(): Metadata {
    const metadata = new Metadata();
    metadata.set('authorization', `Bearer ${this.internalToken}`);
    return metadata;
  }

  connect(): void {
    if (this.stopped || this.stream !== undefined) return;
    const stream = this.client.session(this.metadata());
    const helloSentAt = performance.now();
    this.stream = stream;
    stream.on('data', (response: SessionResponse) => {
      if (this.stream !== stream) return;
      if (response.body?.$case === 'welcome') {
        clearTimeout(this.timer);
        this.welcomed = true;
        this.failures = 0;
        this.schedulerId = response.body.value.schedulerId;
        this.events.opened(this, response.body.value, helloSentAt);
      } else this.events.received(this, response);
    });
    stream.on('error', (error: Error) => this.broken(stream, error.message));
    stream.on('end', () => this.broken(stream, 'the scheduler ended the stream'));
    stream.on('close', () => this.broken(stream, 'the stream closed'));
    stream.write({ body: { $case: 'hello', value: this.events.hello() } });
    this.timer = setTimeout(() => this.broken(stream, `no welcome within ${WELCOME_WITHIN_MS} ms`), WELCOME_WITHIN_MS);
  }

  /** Does not wait any longer to connect again. */
  connectNow(): void {
    if (this.stopped || this.stream !== undefined) return;
    clearTimeout(this.timer);
    this.failures = 0;
    this.connect();
  }

  /** False when the stream is not open: nothing was sent. True is no promise that it arrives. */
  send(body: NonNullable<SessionRequest['body']>): boolean {
    if (!this.welcomed || this.stream === undefined) return false;
    this.stream.write({ body });
    return true;
  }

  /** Drops the stream and opens another, with a new hello. */
  reconnect(reason: string): void {
    if (this.stream !== undefined) this.broken(this.stream, reason);
  }

  /** Ends the stream in good order: what was sent arrives, and the scheduler knows that nothing more comes. Then closes. */
  async finish(withinMs: number): Promise<void> {
    const stream = this.stream;
    if (stream !== undefined && this.welcomed) {
      // From here on its end is no breakage.
      this.stream = undefined;
      this.stopped = true;
      await new Promise<void>((resolve) => {
        const over = (): void => {
          clearTimeout(tooLong);
          resolve();
        };
        const tooLong = setTimeout(over, withinMs);
        stream.on('error', over);
        stream.on('end', over);
        stream.on('close', over);
        stream.end();
      });
      stream.cancel();
    }
    this.close();
  }

  close(): void {
    this.stopped = true;
    clearTimeout(this.timer);
    const stream = this.stream;
    this.stream = undefined;
    this.welcomed = false;
    stream?.on('error', () => {}); // Ended on purpose.
    stream?.end();
    stream?.cancel();
    this.client.close();
  }

  private broken(stream: ClientDuplexStream<SessionRequest, SessionResponse>, reason: string): void {
    if (this.stream !== stream) return;
    this.stream = undefined;
    clearTimeout(this.timer);
    const wasOpen = this.welcomed;
    this.welcomed = false;
    stream.on('error', () => {}); // What a dropped stream still says has been dealt with.
    stream.cancel();
    this.failures++;
    if (wasOpen || this.failures === 1) this.events.closed(this, reason, wasOpen);
    // Told of it, the session may have closed this link or connected it again.
    if (this.stopped || this.stream !== undefined) return;
    const maxMs = Math.max(BACKOFF_MIN_MS, this.events.backoffMaxMs());
    this.timer = setTimeout(() => this.connect(), backoffMs(this.failures, { minMs: BACKOFF_MIN_MS, maxMs }));
  }
}
