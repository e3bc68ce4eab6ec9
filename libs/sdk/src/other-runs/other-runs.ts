/** A run a task asks for. */
export interface TriggerRunOptions {
  readonly dagId: string;
  /** @default made from the time */
  readonly runId?: string | null;
  readonly logicalDate?: Date | string | null;
  readonly conf?: Readonly<Record<string, unknown>> | null;
  readonly note?: string | null;
  /** A run of that id or date that exists is cleared and runs again. @default false */
  readonly reset?: boolean;
  /** A run of that id or date that exists is left alone; the answer says `exists`. @default false */
  readonly skipExisting?: boolean;
  readonly failWhenPaused?: boolean;
  /** The task will wait for its end: `defer({ correlationKey: answer.key })`. @default false */
  readonly wait?: boolean;
  /** Ends of the run that end the wait. @default ['success'] and ['failed'] */
  readonly allowed?: readonly string[];
  readonly failed?: readonly string[];
}

export interface TriggeredRun {
  /** attached: this instance had asked for it before, and goes on with it. */
  readonly outcome: 'made' | 'attached' | 'reset' | 'exists';
  readonly dagId: string;
  readonly runId: string;
  readonly state: string;
  /** What a wait for its end names; null without `wait`. */
  readonly key: string | null;
}

/** Which runs, or tasks of them, are looked at: one by its id, or those of logical dates. */
export interface LookOptions {
  readonly dagId: string;
  readonly runId?: string | null;
  readonly dates?: readonly (Date | string)[] | null;
  /** Left out, with `groupId`: the run as a whole. */
  readonly taskIds?: readonly string[] | null;
  readonly groupId?: string | null;
  /** @default ['success'] */
  readonly allowed?: readonly string[];
  /** @default [] */
  readonly failed?: readonly string[];
  /** @default [] */
  readonly skipped?: readonly string[];
  /** Be resumed when the verdict changes: `defer({ correlationKey: look.key })`. @default false */
  readonly watch?: boolean;
  readonly checkExistence?: boolean;
}

export interface OtherRunLook {
  readonly verdict: 'waiting' | 'allowed' | 'failed' | 'skipped';
  readonly key: string | null;
  readonly found: readonly { readonly runId: string; readonly logicalDate: string | null; readonly state: string }[];
  /** With `checkExistence`: what was named and is not there. */
  readonly unknown: readonly string[];
}

/** Runs of other dags, as a running task sees them. A question that is asked again, by this try or the next, does nothing twice. */
export interface OtherRuns {
  /** Makes a run, or finds the one this instance made before and was not done with. @throws Error for an unknown dag, or a run that exists */
  trigger(options: TriggerRunOptions): Promise<TriggeredRun>;
  look(options: LookOptions): Promise<OtherRunLook>;
}
