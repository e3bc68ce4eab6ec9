import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RunRequest } from '@millrace/contracts';
import type { Instance } from '@millrace/engine';
import { XCOM_MAX_BYTES } from '@millrace/vocabulary';
import type { AttemptId } from '@millrace/vocabulary';
import type { Life } from './life.js';
import type { RunStart } from './run-start.js';

/** What a worker would hand its runner for each attempt. The scratch folders of all of them are made when one asks, and go with `close`. */
export class RunRequests {
  private scratch: string | null = null;

  constructor(private readonly start: RunStart) {}

  /** @param instance null: of the run itself, for a callback */
  of(instance: Instance | null, attemptId: AttemptId, taskId: string, life: Life, startMs: number): RunRequest {
    const { document, options, runId, logicalDate, intervalStart, intervalEnd, params, nowMs } = this.start;
    const task = instance === null ? undefined : document.tasks[instance.task];
    const conf = options.conf ?? {};
    const own = task === undefined || Object.keys(task.params).length === 0 ? params : { ...params, ...task.params, ...conf };
    const scratch = (): string => (this.scratch ??= mkdtempSync(join(tmpdir(), 'millrace-test-')));
    return {
      type: 'run', attemptId, instanceId: instance?.id ?? '', dagId: document.dagId, runId, taskId, indexPath: instance?.indexPath ?? [], tryNumber: instance?.tryNumber ?? 0, maxTries: instance?.maxTries ?? 0,
      bundleFile: '', logFile: '', logicalDate, dataIntervalStart: intervalStart, dataIntervalEnd: intervalEnd, runAfter: new Date(nowMs).toISOString(), runType: options.runType ?? 'manual',
      startDate: new Date(startMs).toISOString(), confJson: JSON.stringify(conf), paramsJson: JSON.stringify(own), resumeJson: life.resumeJson,
      wait: life.waits === 0 && life.tries.length <= 1 ? null : { firstStartDate: new Date(life.firstStartMs ?? startMs).toISOString(), looks: life.waits, resumedBy: life.resumedBy, payloadJson: life.payloadJson },
      partitionKey: options.partitionKey ?? null, owner: task?.owner ?? '', queue: task?.queue ?? '', traceparent: '',
      get scratchDir() {
        return join(scratch(), attemptId);
      },
      get runScratchDir() {
        return document.placement === 'single-worker' ? join(scratch(), 'run') : null;
      },
      placementGeneration: document.placement === 'single-worker' ? 1 : 0, xcomMaxBytes: XCOM_MAX_BYTES,
    };
  }

  close(): void {
    if (this.scratch !== null) rmSync(this.scratch, { recursive: true, force: true });
  }
}
