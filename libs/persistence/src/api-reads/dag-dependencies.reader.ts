import { seen } from '../visibility/visible-dags.js';
import type { VisibleDags } from '../visibility/visible-dags.js';
import type { SqlRunner } from './sql-runner.js';

/** One dag's runs begin with, or wait for, what another does. */
export interface DagDependencyRow {
  /** asset: `target` is scheduled on what `source` writes. trigger: a task of `source` runs `target`. sensor: a task of `target` waits for `source`. */
  readonly kind: 'asset' | 'trigger' | 'sensor';
  readonly source: string;
  readonly target: string;
  /** The asset's name, or the task. */
  readonly via: string;
}

/** How the current versions of dags hang together. Reads documents: not for the hot path. */
export class DagDependenciesReader {
  constructor(
    private readonly db: SqlRunner,
    private readonly visible: VisibleDags,
  ) {}

  async all(): Promise<readonly DagDependencyRow[]> {
    return (await this.db.query<DagDependencyRow>(DEPENDENCIES, [this.visible()])).rows;
  }
}

/** A dag that is named by a template, or is not there, is told as it is written: the author said so. A caller sees what touches dags they see. */
const DEPENDENCIES = `
with visible as (
  select d.dag_id, v.document from dag d join dag_version v on v.id = d.current_version_id where not d.is_stale and ${seen('d.dag_id', 1)}
), task as (
  select d.dag_id, t.task ->> 'taskId' as task_id, t.task -> 'fields' as fields from visible d cross join lateral jsonb_array_elements(d.document -> 'tasks') as t (task)
), named as (
  select 'trigger' as kind, t.dag_id as source, t.fields ->> 'triggerDagId' as target, t.task_id as via from task t where t.fields ? 'triggerDagId'
  union
  select 'sensor', t.fields ->> 'externalDagId', t.dag_id, t.task_id from task t where t.fields ? 'externalDagId'
)
select kind, source, target, via from named n
where not exists (select from dag d where d.dag_id in (n.source, n.target) and not ${seen('d.dag_id', 1)})
union
select 'asset', w.dag_id, r.dag_id, a.name
from asset_dag_reference w join asset_dag_reference r on r.asset_id = w.asset_id and r.kind = 'schedule' join asset a on a.id = w.asset_id
where w.kind = 'outlet' and w.dag_id in (select dag_id from visible) and r.dag_id in (select dag_id from visible)
order by 2, 3, 1, 4`;
