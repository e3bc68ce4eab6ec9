import type { SqlRunner } from './sql-runner.js';

/** Notes of runs and instances: free text of people, outside every decision, so no version check is needed. */
export class NotesWriter {
  constructor(private readonly db: SqlRunner) {}

  async setRunNote(runId: string, note: string | null): Promise<void> {
    await this.db.query(`update dag_run set note = $2 where id = $1`, [runId, note]);
  }

  async setInstanceNotes(instanceIds: readonly string[], note: string | null): Promise<void> {
    await this.db.query(`update task_instance set note = $2 where id = any($1::uuid[])`, [instanceIds, note]);
  }

  async setFavorite(user: string, dagId: string, favorite: boolean): Promise<void> {
    await this.db.query(
      favorite ? `insert into dag_favorite (user_name, dag_id) values ($1, $2) on conflict do nothing` : `delete from dag_favorite where user_name = $1 and dag_id = $2`,
      [user, dagId],
    );
  }

  /** Removes a dag with its runs and history. False: there was none. */
  async deleteDag(dagId: string): Promise<boolean> {
    await this.db.query(`update dag set current_version_id = null where dag_id = $1`, [dagId]);
    await this.db.query(`delete from task_instance_history where dag_id = $1`, [dagId]);
    await this.db.query(`delete from dag_run where dag_id = $1`, [dagId]);
    return (await this.db.query(`delete from dag where dag_id = $1`, [dagId])).rowCount === 1;
  }
}
