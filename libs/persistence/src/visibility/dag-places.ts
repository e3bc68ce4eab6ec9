import type { SqlRunner } from '../api-reads/sql-runner.js';

/** A dag as far as permissions ask. */
export interface DagPlace {
  readonly dag_id: string;
  readonly team: string | null;
}

export async function listDagPlaces(db: SqlRunner): Promise<readonly DagPlace[]> {
  return (await db.query<DagPlace>('select dag_id, team from dag')).rows;
}
