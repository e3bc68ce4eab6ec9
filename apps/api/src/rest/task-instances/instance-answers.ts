import type { InstancesReader, InstanceView, TryView, VersionsReader } from '@millrace/persistence';
import { toInstanceResponse, toTryResponse } from './to-instance-response.js';

/** Instances as answers, with the names their dag versions give them. */
export class InstanceAnswers {
  constructor(
    private readonly instances: InstancesReader,
    private readonly versions: VersionsReader,
  ) {}

  async of(rows: readonly InstanceView[]): Promise<readonly Record<string, unknown>[]> {
    const documents = await this.versions.documents([...new Set(rows.map((row) => row.dag_version_id))]);
    return rows.map((row) => toInstanceResponse(row, documents.get(row.dag_version_id)));
  }

  async one(row: InstanceView): Promise<Record<string, unknown>> {
    return (await this.of([row]))[0]!;
  }

  /** Airflow's collection of these instances as they are now. */
  async collection(ids: readonly string[]): Promise<{ task_instances: readonly Record<string, unknown>[]; total_entries: number }> {
    const rows = ids.length === 0 ? [] : await this.of(await this.instances.byIds(ids));
    return { task_instances: rows, total_entries: rows.length };
  }

  async tries(rows: readonly TryView[]): Promise<readonly Record<string, unknown>[]> {
    const documents = await this.versions.documents([...new Set(rows.map((row) => row.dag_version_id))]);
    return rows.map((row) => toTryResponse(row, documents.get(row.dag_version_id)));
  }
}
