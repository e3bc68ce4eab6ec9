import type { workflowsProto } from '@millrace/contracts';
import type { LiveUpdates } from '@millrace/live-updates';
import type { InstanceView, RunView } from '@millrace/persistence';
import { MillraceError } from '@millrace/vocabulary';
import { instanceMessage, runMessage } from './run-message.js';

/** Reads a run as it is now. */
export interface RunSource {
  run(): Promise<RunView>;
  /** In steps of a page. */
  instances(limit: number, offset: number): Promise<{ readonly rows: readonly InstanceView[]; readonly total: number }>;
}

export interface WatchOptions {
  readonly withInstances: boolean;
  readonly signal: AbortSignal;
  /** Between two looks at least: a wide run changes all the time. */
  readonly restMs?: number;
  /** Without a sign of change the run is looked at this often; signs may be lost. */
  readonly lookEveryMs?: number;
}

const INSTANCES_MAX = 10_000;
const PAGE = 1_000;

/** A run as it is, and each change of it until it has ended. Live updates only say when to look; what is told is read from the database. */
export async function* watchRun(source: RunSource, liveUpdates: LiveUpdates, options: WatchOptions): AsyncGenerator<workflowsProto.WatchRunResponse, void, undefined> {
  const { signal, withInstances } = options;
  const first = await source.run();
  const sign = new Sign(liveUpdates, first.dag_id, first.run_id, signal);
  const seen = new Map<string, string>();
  let before = '';
  try {
    for (let run = first; !signal.aborted; run = await source.run()) {
      // The run before its instances: whoever sees its end has seen theirs.
      const changed = withInstances ? await changedInstances(source, seen) : [];
      const now = JSON.stringify(run);
      if (now !== before || changed.length > 0) yield { run: runMessage(run), taskInstances: changed };
      before = now;
      if (run.state === 'success' || run.state === 'failed') return;
      await sign.next(options.restMs ?? 100, options.lookEveryMs ?? 2_000);
    }
  } finally {
    sign.close();
  }
}

async function changedInstances(source: RunSource, seen: Map<string, string>): Promise<workflowsProto.TaskInstance[]> {
  const changed: workflowsProto.TaskInstance[] = [];
  for (let offset = 0; ; offset += PAGE) {
    const page = await source.instances(PAGE, offset);
    if (page.total > INSTANCES_MAX) throw new MillraceError('invalid', `the run has ${page.total} task instances; at most ${INSTANCES_MAX} can be watched. Watch the run without them`);
    for (const row of page.rows) {
      const key = `${row.task_id}\n${row.index_path.join('.')}`;
      const now = `${row.state}\n${row.try_number}\n${row.hostname}\n${row.start_date?.getTime()}\n${row.end_date?.getTime()}`;
      if (seen.get(key) === now) continue;
      seen.set(key, now);
      changed.push(instanceMessage(row));
    }
    if (offset + PAGE >= page.total) return changed;
  }
}

/** Something of the run may have changed. Remembers a sign nobody waited for. */
class Sign {
  #given = false;
  #wake: () => void = () => {};
  readonly #leave: () => void;

  constructor(liveUpdates: LiveUpdates, dagId: string, runId: string, private readonly signal: AbortSignal) {
    this.#leave = liveUpdates.subscribe((update) => {
      if (update.dagId === dagId && update.runId === runId) this.#ring();
    });
    signal.addEventListener('abort', this.#ring);
  }

  async next(restMs: number, atMostMs: number): Promise<void> {
    await this.#sleep(restMs, false);
    if (!this.#given) await this.#sleep(atMostMs, true);
    this.#given = false;
  }

  close(): void {
    this.#leave();
    this.signal.removeEventListener('abort', this.#ring);
  }

  readonly #ring = (): void => {
    this.#given = true;
    this.#wake();
  };

  async #sleep(ms: number, wakes: boolean): Promise<void> {
    if (this.signal.aborted) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        if (!wakes && !this.signal.aborted) return;
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = () => {};
  }
}
