import type { DagDocument } from '@millrace/contracts';
import type { Plan } from '@millrace/engine';
import type { DagLike } from '@millrace/execution/runner';
import type { RunDagOptions } from '../options/run-options.js';

/** A run as it is before it starts. */
export interface RunStart {
  readonly dag: DagLike;
  readonly document: DagDocument;
  readonly plan: Plan;
  readonly options: RunDagOptions;
  readonly nowMs: number;
  readonly runId: string;
  readonly logicalDate: string | null;
  readonly intervalStart: string | null;
  readonly intervalEnd: string | null;
  /** Dag params overlaid by conf. */
  readonly params: Readonly<Record<string, unknown>>;
}
