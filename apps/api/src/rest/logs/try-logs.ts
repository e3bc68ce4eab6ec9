import type { TlsFiles } from '@millrace/lifecycle';
import type { InstancesReader } from '@millrace/persistence';
import { logPathOf, readLog } from '@millrace/task-logs';
import type { LogReading, LogStore } from '@millrace/task-logs';
import { MillraceError, isFinished } from '@millrace/vocabulary';
import type { Lookups } from '../lookups.js';

/** Which try, in the words of the API; map index -1 means unmapped. */
export interface TryKey {
  readonly dagId: string;
  readonly runId: string;
  readonly taskId: string;
  readonly mapIndex: number;
  readonly tryNumber: number;
}

export interface OpenLogOptions {
  readonly offset?: number;
  /** Bytes. */
  readonly limit?: number;
  /** Instead of both: so many bytes before the end. */
  readonly last?: number;
  readonly follow?: boolean;
  readonly signal?: AbortSignal;
}

/** A log that was found, and whether its try goes on. */
export type TryLog = LogReading & { readonly isOver: boolean };

/** Finds a try and opens its log: where it is comes from the database, never from the caller. */
export class TryLogs {
  constructor(
    private readonly instances: InstancesReader,
    private readonly lookups: Lookups,
    private readonly options: { readonly folder: string; readonly logServerUrls: readonly string[]; readonly internalToken: string; readonly store: LogStore | null; readonly tls: TlsFiles | null },
  ) {}

  async open(key: TryKey, options: OpenLogOptions): Promise<TryLog> {
    const instance = await this.lookups.instance(key.dagId, key.runId, key.taskId, key.mapIndex);
    const tries = await this.instances.tries(instance.id);
    const wanted = tries.find((row) => row.try_number === key.tryNumber);
    if (wanted === undefined) {
      const known = tries.length === 0 ? 'it has not been tried yet' : `its tries are ${tries.map((row) => row.try_number).join(', ')}`;
      throw new MillraceError('not_found', `TaskInstance not found: dag_id: \`${key.dagId}\`, run_id: \`${key.runId}\`, task_id: \`${key.taskId}\` has no try ${key.tryNumber}; ${known}`);
    }
    const session = wanted.session_id === null ? null : await this.instances.logHost(wanted.session_id);
    const over = async (): Promise<boolean> => this.#isOver(instance.id, key.tryNumber);
    const reading = await readLog(
      {
        logPath: logPathOf({ dagId: key.dagId, runId: key.runId, taskId: key.taskId, indexPath: wanted.index_path, tryNumber: key.tryNumber }),
        worker: session && { host: session.log_host, port: session.log_port, isGone: session.state === 'ended' || session.state === 'lost' },
      },
      { ...this.options, ...options, isFinished: over },
    );
    return Object.assign(reading, { isOver: await over() });
  }

  async #isOver(instanceId: string, tryNumber: number): Promise<boolean> {
    const current = (await this.instances.byIds([instanceId]))[0];
    if (current === undefined || current.try_number > tryNumber) return true;
    // Between tries the current one is over as well: only these states have it in work.
    return isFinished(current.state) || !['queued', 'running', 'restarting'].includes(current.state ?? '');
  }
}
