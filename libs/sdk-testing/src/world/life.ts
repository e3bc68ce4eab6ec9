import type { InstanceId } from '@millrace/vocabulary';
import type { TestTry } from '../result/test-run.js';

/** What is known of an instance besides its row. */
export interface Life {
  readonly tries: { -readonly [K in keyof TestTry]: TestTry[K] }[];
  readonly log: string[];
  rendered: Readonly<Record<string, unknown>>;
  indexName: string;
  thrown: unknown;
  firstStartMs: number | null;
  /** Attempts that ended in waiting. */
  waits: number;
  resumeJson: string;
  correlationKey: string;
  /** What ended the last wait; empty: none did. */
  resumedBy: '' | 'time' | 'event' | 'timeout';
  payloadJson: string;
  answer: unknown;
  /** Of its question to a person. */
  defaults: readonly string[] | null;
}

export function newLife(): Life {
  return { tries: [], log: [], rendered: {}, indexName: '', thrown: null, firstStartMs: null, waits: 0, resumeJson: '', correlationKey: '', resumedBy: '', payloadJson: '', answer: undefined, defaults: null };
}

/** The lives of a run's instances; one that nothing was known of begins when it is asked for. */
export class Lives {
  private readonly lives = new Map<InstanceId, Life>();

  of(id: InstanceId): Life {
    let life = this.lives.get(id);
    if (life === undefined) this.lives.set(id, (life = newLife()));
    return life;
  }

  /** Undefined: it has not begun. */
  known(id: InstanceId): Life | undefined {
    return this.lives.get(id);
  }

  entries(): Iterable<readonly [InstanceId, Life]> {
    return this.lives;
  }
}

export function noteFailure(life: Life, error: string, nowMs: number): void {
  const last = life.tries.at(-1);
  if (last === undefined) return;
  last.state = 'failed';
  last.error = error;
  last.endedAt = new Date(nowMs);
}
