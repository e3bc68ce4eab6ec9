import { RUNNER_SELF_FENCE_MS } from '@millrace/vocabulary';

/** What a runner is told when it is started, as JSON in its only argument. Nothing secret: arguments are visible to all. */
export interface RunnerSettings {
  /** The runner ends itself after hearing nothing from its worker for this long. */
  readonly selfFenceMs: number;
  /** A try's log is cut off at this size. */
  readonly logMaxBytes: number;
}

export function parseRunnerSettings(text: string | undefined): RunnerSettings {
  const given = text === undefined ? {} : (JSON.parse(text) as Partial<RunnerSettings>);
  return { selfFenceMs: given.selfFenceMs ?? RUNNER_SELF_FENCE_MS, logMaxBytes: given.logMaxBytes ?? 1_073_741_824 };
}
