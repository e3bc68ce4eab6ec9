import type { Room } from '@millrace/engine';
import type { RunId } from '@millrace/vocabulary';
import type { RunInput } from '../apply-runs/inputs.js';
import type { CachedRun } from '../run-cache/run-cache.js';

/** Says how much of a run may be queued now, and is told what came of it. */
export interface RoomKeeper {
  /** Just before a decision on the run. */
  roomFor(entry: CachedRun, inputs: readonly RunInput[]): Room;
  /**
   * Just after it, before its commit. A commit that fails drops the run from memory. `mayWait: false`: it is not in memory yet, so it is told
   * once more when it is, and only then may be asked to queue more.
   */
  decided(entry: CachedRun, mayWait?: boolean): void;
  /** The run is not in memory any more. */
  dropped(id: RunId): void;
}
