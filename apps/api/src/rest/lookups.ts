import type { DagDocument } from '@millrace/contracts';
import type { DagRow, DagsReader, InstanceView, InstancesReader, RunView, RunsReader, VersionsReader } from '@millrace/persistence';
import { NaturalBatcher } from '@millrace/lifecycle';
import { MillraceError } from '@millrace/vocabulary';

/** Finds what a path names, or refuses with a 404 that says the name. */
export class Lookups {
  readonly #made: NaturalBatcher<string, RunView | undefined>;

  constructor(
    private readonly dags: DagsReader,
    private readonly runs: RunsReader,
    private readonly instances: InstancesReader,
    private readonly versions: VersionsReader,
  ) {
    this.#made = new NaturalBatcher({
      maxSize: 200,
      flush: async (ids) => {
        const rows = new Map((await this.runs.byIds(ids)).map((row) => [row.id as string, row]));
        return ids.map((id) => rows.get(id));
      },
    });
  }

  /** A run that was just made; many that are asked for at once are read at once. */
  async madeRun(id: string, dagId: string, runId: string): Promise<RunView> {
    return (await this.#made.add(id)) ?? this.run(dagId, runId);
  }

  async dag(dagId: string): Promise<DagRow> {
    const dag = await this.dags.find(dagId);
    if (dag === null) throw new MillraceError('dag_not_found', `Dag with id ${dagId} was not found`);
    return dag;
  }

  async run(dagId: string, runId: string): Promise<RunView> {
    const run = await this.runs.find(dagId, runId);
    if (run === null) throw new MillraceError('run_not_found', `The DagRun with dag_id: \`${dagId}\` and run_id: \`${runId}\` was not found`);
    return run;
  }

  async instance(dagId: string, runId: string, taskId: string, mapIndex: number): Promise<InstanceView> {
    const instance = await this.instances.find(dagId, runId, taskId, mapIndex);
    if (instance !== null) return instance;
    const named = `The Task Instance with dag_id: \`${dagId}\`, run_id: \`${runId}\`, task_id: \`${taskId}\``;
    if (mapIndex < 0 && (await this.instances.ofTask(dagId, runId, taskId)).length > 0) {
      throw new MillraceError('instance_not_found', `${named} is mapped, add the map_index value to the URL`);
    }
    throw new MillraceError('instance_not_found', `${named} and map_index: \`${mapIndex}\` was not found`);
  }

  /** @throws MillraceError instance_not_found when a run has no instance of a task, mapped or not. */
  async task(dagId: string, runId: string, taskId: string): Promise<void> {
    if ((await this.instances.ofTask(dagId, runId, taskId)).length > 0) return;
    throw new MillraceError('instance_not_found', `The Task Instance with dag_id: \`${dagId}\`, run_id: \`${runId}\` and task_id: \`${taskId}\` was not found`);
  }

  /** An instance that can be changed. @throws MillraceError conflict while its run has not started: it is not stored yet. */
  async startedInstance(dagId: string, runId: string, taskId: string, mapIndex: number): Promise<InstanceView> {
    const instance = await this.instance(dagId, runId, taskId, mapIndex);
    if (instance.is_planned) throw notStarted(dagId, runId);
    return instance;
  }

  /** The document of the version a dag has now. */
  async currentDocument(dag: DagRow): Promise<DagDocument> {
    return this.document(dag.current_version_id ?? '', dag.dag_id);
  }

  async document(versionId: string, dagId: string): Promise<DagDocument> {
    const document = versionId === '' ? undefined : (await this.versions.documents([versionId])).get(versionId);
    if (document === undefined) throw new MillraceError('not_found', `Dag with id ${dagId} has no version yet`);
    return document;
  }
}

export function notStarted(dagId: string, runId: string): MillraceError {
  return new MillraceError('conflict', `The DagRun with dag_id: \`${dagId}\` and run_id: \`${runId}\` has not started yet; its task instances can be changed once it has (is the dag paused?)`);
}
