const KEY_PREFIX = 'other-run:';

export interface TriggeredRun {
  readonly dagId: string;
  readonly runId: string;
  readonly conf: Readonly<Record<string, unknown>>;
}

/** Runs of other dags, of which the author says only how they are. */
export class OtherRuns {
  readonly triggered: TriggeredRun[] = [];

  /** @param states by dag id; a dag that is not named has succeeded */
  constructor(
    private readonly states: Readonly<Record<string, string>>,
    private readonly nowMs: () => number,
  ) {}

  stateOf(dagId: string): string {
    return this.states[dagId] ?? 'success';
  }

  /** The dag that an instance with this correlation key waits for; null: it waits for something else. */
  dagOf(correlationKey: string): string | null {
    return correlationKey.startsWith(KEY_PREFIX) ? correlationKey.slice(KEY_PREFIX.length) : null;
  }

  answer(operation: 'trigger' | 'look', asked: Readonly<Record<string, unknown>>): unknown {
    const dagId = String(asked['dagId']);
    const state = this.stateOf(dagId);
    const key = asked['wait'] === true || asked['watch'] === true ? `${KEY_PREFIX}${dagId}` : null;
    if (operation === 'trigger') {
      const runId = typeof asked['runId'] === 'string' ? asked['runId'] : `manual__${new Date(this.nowMs()).toISOString()}`;
      this.triggered.push({ dagId, runId, conf: (asked['conf'] ?? {}) as Record<string, unknown> });
      return { outcome: 'made', dagId, runId, state, key };
    }
    const isAmong = (name: string, fallback: string[]): boolean => ((asked[name] as string[] | undefined) ?? fallback).includes(state);
    const verdict = isAmong('allowed', ['success']) ? 'allowed' : isAmong('failed', []) ? 'failed' : isAmong('skipped', []) ? 'skipped' : 'waiting';
    const runIds = typeof asked['runId'] === 'string' ? [asked['runId']] : ((asked['dates'] as string[] | undefined) ?? ['']).map((date) => `scheduled__${date}`);
    return { verdict, key, found: runIds.map((runId) => ({ runId, logicalDate: runId.split('__')[1] ?? null, state })), unknown: [] };
  }
}
