export interface RerunPlan {
  readonly id: string;
  readonly dag_id: string;
  readonly state: string;
  readonly request: {
    readonly run_ids?: readonly string[] | null;
    readonly from_date?: string | null;
    readonly to_date?: string | null;
    readonly run_states?: readonly string[] | null;
    readonly partition_keys?: readonly string[] | null;
    readonly task_ids?: readonly string[] | null;
    readonly include_upstream: boolean;
    readonly include_downstream: boolean;
    readonly only_failed: boolean;
    readonly order: string;
    readonly max_active_runs?: number | null;
    readonly conf?: Readonly<Record<string, unknown>> | null;
    readonly version: string;
  };
  readonly note: string | null;
  readonly created_by: string;
  readonly created_at: string;
  readonly applied_by: string | null;
  readonly applied_at: string | null;
  readonly ended_at: string | null;
  readonly runs: number;
  readonly task_instances: number;
  readonly progress: { readonly waiting: number; readonly done: number; readonly failed: number; readonly cancelled: number };
}

/** The answer to making a plan: also what was asked for and cannot be run again. */
export interface RerunDraft extends RerunPlan {
  readonly left_out: readonly { readonly dag_run_id: string; readonly why: string }[];
  readonly left_out_total: number;
}

export interface RerunItem {
  readonly place: number;
  readonly dag_run_id: string;
  readonly logical_date: string | null;
  readonly partition_key: string | null;
  readonly task_instances: number;
  readonly state: string;
  readonly outcome: string | null;
  readonly done_at: string | null;
}
