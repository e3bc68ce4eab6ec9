import type { Service } from '@millrace/lifecycle';

/** Something changed; a hint to look, never the truth. */
export interface LiveUpdate {
  readonly kind: 'run' | 'instance' | 'dag' | 'worker' | 'log';
  readonly dagId?: string;
  readonly runId?: string;
  readonly taskId?: string;
  readonly mapIndex?: number;
  readonly state?: string | null;
  readonly atMs: number;
}

/** May lose anything at any time: Redis or in-process. Publishing never throws, never waits, and is dropped when the other side is away. */
export interface LiveUpdates extends Service {
  publish(updates: readonly LiveUpdate[]): void;
  subscribe(handler: (update: LiveUpdate) => void): () => void;
  /** Worker presence with a time to live; who is present now. */
  present(kind: 'worker' | 'scheduler', id: string, facts: Readonly<Record<string, string | number>>, ttlMs: number): void;
}
