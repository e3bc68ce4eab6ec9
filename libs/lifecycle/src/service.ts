/** Everything long-lived has this shape. `stop` is safe before, during and after `start`, and twice. */
export interface Service {
  readonly name: string;
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Resolves when somebody asked the service from outside to end (a drain); its process then stops it as after a SIGTERM. */
  readonly endAsked?: Promise<void>;
}

export interface HealthReport {
  readonly ok: boolean;
  /** One entry per dependency or duty, e.g. `{ database: { ok: true }, broker: { ok: false, detail: 'reconnecting since 4 s' } }`. */
  readonly checks: Readonly<Record<string, { readonly ok: boolean; readonly detail?: string }>>;
}
