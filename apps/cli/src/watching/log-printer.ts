import { isFinished } from '@millrace/vocabulary';
import type { InstanceState } from '@millrace/vocabulary';
import type { ApiClient, Row } from '../client/api-client.js';
import { runPath } from '../client/dag-names.js';
import { print, tell } from '../output/terminal.js';
import { logEvents, logLine } from './follow-log.js';

/** Prints the logs of a run's tries as they are written, each line with its task's name in front. */
export class LogPrinter {
  private readonly followed = new Map<string, Promise<void>>();

  constructor(
    private readonly api: ApiClient,
    private readonly dagId: string,
    private readonly runId: string,
  ) {}

  /** Begins to follow an instance's current try; again for the same try does nothing. */
  follow(instance: Row): void {
    const [taskId, mapIndex, tryNumber] = [String(instance['task_id']), Number(instance['map_index']), Number(instance['try_number'])];
    const key = `${taskId} ${mapIndex} ${tryNumber}`;
    if (this.followed.has(key)) return;
    this.followed.set(key, this.printTry(taskId, mapIndex, tryNumber).catch((error: unknown) => tell(`${taskId}: its log could not be read: ${(error as Error).message}`)));
  }

  async finished(): Promise<void> {
    await Promise.all(this.followed.values());
  }

  private async printTry(taskId: string, mapIndex: number, tryNumber: number): Promise<void> {
    const name = mapIndex >= 0 ? `${taskId}[${mapIndex}]` : taskId;
    const isOver = async (): Promise<boolean> => isTryOver(await instanceOf(this.api, this.dagId, this.runId, taskId, mapIndex), tryNumber);
    for await (const event of logEvents(this.api, { dagId: this.dagId, runId: this.runId, taskId, mapIndex, tryNumber }, true, isOver)) {
      const line = logLine(event);
      if (line !== '') print(line.split('\n').map((each) => `${name} | ${each}\n`).join(''));
    }
  }
}

export function instanceOf(api: ApiClient, dagId: string, runId: string, taskId: string, mapIndex: number): Promise<Row> {
  const path = `${runPath(dagId, runId)}/taskInstances/${encodeURIComponent(taskId)}`;
  return api.get(mapIndex >= 0 ? `${path}/${mapIndex}` : path);
}

/** Whether nothing more will be written to a try's log. A deferred try goes on later. */
export function isTryOver(instance: Row, tryNumber: number): boolean {
  const state = instance['state'] as InstanceState;
  return Number(instance['try_number']) > tryNumber || isFinished(state) || state === 'up_for_retry';
}
