import type { Json, Row } from '../client/api-client.js';

export const RUN_COLUMNS = ['dag_id', 'dag_run_id', 'state', 'run_type', 'logical_date', 'start_date', 'end_date', 'seconds'] as const;
export const INSTANCE_COLUMNS = ['task_id', 'map_index', 'state', 'try_number', 'start_date', 'end_date', 'seconds', 'hostname'] as const;

/** A run or an instance with its duration rounded, for tables. */
export function withSeconds(row: Row): Row {
  const duration = row['duration'] as Json | undefined;
  return { ...row, seconds: typeof duration === 'number' ? Math.round(duration * 1_000) / 1_000 : null };
}
