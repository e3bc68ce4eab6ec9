import type { Service } from './service.js';

/**
 * A service whose `start` and `stop` may overlap in any order: they take turns, equal calls share one promise, and a `stop`
 * during `start` aborts it through the signal. Subclasses write `open` and `close` as if nothing could interleave.
 */
export abstract class ManagedService implements Service {
  abstract readonly name: string;
  private state: 'stopped' | 'starting' | 'started' | 'stopping' = 'stopped';
  private current: Promise<void> = Promise.resolve();
  private aborter = new AbortController();
  /** What the last caller asked for; decides what follows when the current turn is over. */
  private next: { readonly kind: 'start' | 'stop'; readonly promise: Promise<void> } | null = null;

  /** Begins work. `signal` aborts when `stop` is called; what was opened before a throw is closed by `close`. */
  protected abstract open(signal: AbortSignal): Promise<void>;
  /** Ends work and frees everything, also after an `open` that failed half way. */
  protected abstract close(): Promise<void>;

  /** Aborts as soon as `stop` is called; for loops and waits that outlive `open`. */
  protected get stopping(): AbortSignal {
    return this.aborter.signal;
  }

  start(): Promise<void> {
    if (this.next !== null) return this.next.kind === 'start' ? this.next.promise : this.follow('start', this.next.promise);
    if (this.state === 'starting') return this.current;
    if (this.state === 'started') return Promise.resolve();
    if (this.state === 'stopping') return this.follow('start', this.current);
    return this.run('start');
  }

  stop(): Promise<void> {
    if (this.state === 'starting' || this.state === 'started') this.aborter.abort();
    if (this.next !== null) return this.next.kind === 'stop' ? this.next.promise : this.follow('stop', this.next.promise);
    if (this.state === 'stopping') return this.current;
    if (this.state === 'stopped') return Promise.resolve();
    return this.state === 'starting' ? this.follow('stop', this.current) : this.run('stop');
  }

  private follow(kind: 'start' | 'stop', after: Promise<void>): Promise<void> {
    const run = (): Promise<void> => {
      if (this.next?.promise === promise) this.next = null;
      if (kind === 'start') return this.state === 'stopped' ? this.run('start') : Promise.resolve();
      return this.state === 'started' ? this.run('stop') : Promise.resolve();
    };
    const promise: Promise<void> = after.then(run, run);
    promise.catch(() => undefined); // Whoever asked gets the error; nobody asking is no crash.
    this.next = { kind, promise };
    return promise;
  }

  private run(kind: 'start' | 'stop'): Promise<void> {
    this.current = kind === 'start' ? this.opening() : this.closing();
    return this.current;
  }

  private async opening(): Promise<void> {
    this.state = 'starting';
    this.aborter = new AbortController();
    if (this.next?.kind === 'stop') this.aborter.abort(); // Somebody already waits for the stop that follows.
    try {
      await this.open(this.aborter.signal);
      this.state = 'started';
    } catch (error) {
      try {
        await this.close();
      } finally {
        this.state = 'stopped';
      }
      if (!this.aborter.signal.aborted) throw error;
    }
  }

  private async closing(): Promise<void> {
    this.state = 'stopping';
    this.aborter.abort();
    try {
      await this.close();
    } finally {
      this.state = 'stopped';
    }
  }
}
