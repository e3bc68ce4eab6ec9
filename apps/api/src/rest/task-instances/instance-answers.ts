import type { DagDocument } from '@millrace/contracts';
import { compilePlan } from '@millrace/engine';
import type { Plan, PlanSource } from '@millrace/engine';
import type { InstancesReader, InstanceView, TryView, VersionsReader } from '@millrace/persistence';
import { toInstanceResponse, toTryResponse } from './to-instance-response.js';
import type { AnswerTo } from '../openapi/operations.js';
import type { InstanceAnswer, TryAnswer } from './instance-schemas.js';

/** Instances as answers, with the names their dag versions give them. */
export class InstanceAnswers {
  constructor(
    private readonly instances: InstancesReader,
    private readonly versions: VersionsReader,
  ) {}

  async of(rows: readonly InstanceView[]): Promise<readonly InstanceAnswer[]> {
    const documents = await this.versions.documents([...new Set(rows.map((row) => row.dag_version_id))]);
    return rows.map((row) => {
      const document = documents.get(row.dag_version_id);
      return toInstanceResponse(row.is_planned && document !== undefined ? { ...row, priority_weight: effectivePriority(document, row) } : row, document);
    });
  }

  async one(row: InstanceView): Promise<InstanceAnswer> {
    return (await this.of([row]))[0]!;
  }

  /** Airflow's collection of these instances as they are now. */
  async collection(ids: readonly string[]): Promise<AnswerTo<'get_task_instances'>> {
    const rows = ids.length === 0 ? [] : await this.of(await this.instances.byIds(ids));
    return { task_instances: rows, total_entries: rows.length };
  }

  async tries(rows: readonly TryView[]): Promise<readonly TryAnswer[]> {
    const documents = await this.versions.documents([...new Set(rows.map((row) => row.dag_version_id))]);
    return rows.map((row) => toTryResponse(row, documents.get(row.dag_version_id)));
  }
}

const plans = new WeakMap<DagDocument, Plan | null>();

/** The weight a task's rule gives it; stored instances have it already. */
function effectivePriority(document: DagDocument, row: InstanceView): number {
  let plan = plans.get(document);
  if (plan === undefined) {
    const compiled = compilePlan(document as PlanSource);
    plan = compiled.ok ? compiled.plan : null;
    plans.set(document, plan);
  }
  return plan?.tasks[plan.byId.get(row.task_id) ?? -1]?.effectivePriority ?? row.priority_weight;
}
