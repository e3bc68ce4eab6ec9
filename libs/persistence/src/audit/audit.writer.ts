import type { SqlRunner } from '../api-reads/sql-runner.js';

export interface AuditEntry {
  /** e.g. `trigger_dag_run`, `post_pool`. */
  readonly event: string;
  readonly actor: string | null;
  readonly dagId?: string | null | undefined;
  readonly runId?: string | null | undefined;
  readonly taskId?: string | null | undefined;
  readonly mapIndex?: number | null | undefined;
  readonly tryNumber?: number | null | undefined;
  /** Free data; secrets must be masked before. */
  readonly extra?: unknown;
}

/** Adds a line to the audit log: append-only, in the transaction of whatever connection it is given. */
export async function writeAudit(db: SqlRunner, entry: AuditEntry): Promise<void> {
  await db.query(WRITE_AUDIT, [
    entry.event, entry.dagId ?? null, entry.runId ?? null, entry.taskId ?? null,
    entry.mapIndex === undefined || entry.mapIndex === null ? null : entry.mapIndex < 0 ? [] : [entry.mapIndex],
    entry.tryNumber ?? null, entry.actor, entry.extra === undefined ? null : withoutControls(JSON.stringify(entry.extra)),
  ]);
}

const WRITE_AUDIT = `insert into audit_log (event, dag_id, run_id, task_id, index_path, try_number, actor, extra) values ($1, $2, $3, $4, $5, $6, $7, $8)`;

/** JSON escapes C0 controls already; DEL, C1 and line separators could still move a reader's cursor. */
function withoutControls(text: string): string {
  // eslint-disable-next-line no-control-regex
  return text.replace(/[\u007f-\u009f\u2028\u2029]/g, '');
}
