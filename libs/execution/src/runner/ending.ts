import type { RunQuestion, RunResult } from '@millrace/contracts';
import type { Outcome } from '@millrace/vocabulary';

/** How a try ended, before its XComs and times are added. */
export interface Ending {
  readonly outcome: Outcome;
  readonly retryable: boolean;
  readonly error: string;
  readonly resumeAt: string | null;
  readonly resumeJson: string;
  readonly correlationKey: string;
  readonly giveUp: RunResult['giveUp'];
  readonly errorNames: readonly string[];
  readonly question: RunQuestion | null;
  readonly branchTaskIds: readonly string[] | null;
  readonly skipDownstream: '' | 'all' | 'direct';
  /** What the condition of a loop said; null: it is none. */
  readonly loop: 'again' | 'stop' | null;
  /** Pushed as XCom `return_value` when not undefined. */
  readonly returned: unknown;
}

export const SUCCESS: Ending = { outcome: 'success', retryable: true, error: '', resumeAt: null, resumeJson: '', correlationKey: '', giveUp: null, errorNames: [], question: null, branchTaskIds: null, skipDownstream: '', loop: null, returned: undefined };
/** A line in lists; the log has the rest. */
const ERROR_LINE_MAX = 2_000;

export function failure(error: string, retryable = true): Ending {
  return { ...SUCCESS, outcome: 'failed', retryable, error: error.slice(0, ERROR_LINE_MAX) };
}
