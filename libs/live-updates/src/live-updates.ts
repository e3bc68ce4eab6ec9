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

export type PresenceKind = 'worker' | 'scheduler';

/** Who said "I am here" within the time to live given. A hint, like everything here. */
export interface Presence {
  readonly id: string;
  readonly facts: Readonly<Record<string, string | number>>;
}

/** May lose anything at any time: Redis or in-process. Publishing never throws, never waits, and is dropped when the other side is away. */
export interface LiveUpdates extends Service {
  /** Whether what other processes publish is heard here now. */
  readonly hearsOthers: boolean;
  publish(updates: readonly LiveUpdate[]): void;
  subscribe(handler: (update: LiveUpdate) => void): () => void;
  /** Says that somebody is here, for `ttlMs`. */
  present(kind: PresenceKind, id: string, facts: Readonly<Record<string, string | number>>, ttlMs: number): void;
  /** Who is here now; empty when that can't be known. Never throws. */
  whoIsPresent(kind: PresenceKind): Promise<readonly Presence[]>;
}
