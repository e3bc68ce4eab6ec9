import type { executionProto } from '@millrace/contracts';
import { markClaimed } from '@millrace/engine';
import { NaturalBatcher, Signal } from '@millrace/lifecycle';
import { claimAttempts } from '@millrace/persistence';
import type { ClaimRow, ClaimedRow, Database, RunRow } from '@millrace/persistence';
import type { AttemptId, RunId } from '@millrace/vocabulary';
import type { QueueTeams } from '../placement/queue-teams.js';
import type { RunCache } from '../run-cache/run-cache.js';
import type { GrantBook } from './grant-book.js';
import { makeGrant } from './make-grant.js';

/** What was claimed, for those who trace it. */
export interface ClaimedFacts {
  readonly row: RunRow;
  readonly taskId: string;
  readonly attemptId: AttemptId;
  readonly queuedAtMs: number;
  readonly startMs: number;
}

/** queued → running for what workers name, many workers in one statement. */
export class Claims {
  readonly signals = { claimed: new Signal('after-claim-before-answer') };
  readonly #batcher: NaturalBatcher<ClaimRow, executionProto.Grant | null>;

  constructor(
    private readonly database: Database,
    private readonly cache: RunCache,
    private readonly grants: GrantBook,
    private readonly home: string,
    private readonly queueTeams: QueueTeams,
    /** Ends an attempt no worker may have. It is claimed already, so that nobody else takes it up. */
    private readonly refuse: (row: ClaimedRow, dagId: string, reason: string) => void,
    private readonly onClaimed: (queue: string, scheduledSeconds: number | null, queuedSeconds: number | null, of: ClaimedFacts) => void = () => undefined,
  ) {
    this.#batcher = new NaturalBatcher({ maxSize: 500, flush: (claims) => this.#flush(claims) });
  }

  /** The grant, or null when the attempt is not to be had: taken, superseded, unknown, or the session is over. Rejects when the database is away. */
  claim(claim: ClaimRow): Promise<executionProto.Grant | null> {
    return this.#batcher.add(claim);
  }

  async #flush(claims: readonly ClaimRow[]): Promise<(executionProto.Grant | null)[]> {
    const rows = await claimAttempts(this.database.hot, claims);
    this.signals.claimed.emit();
    const missing = [...new Set(rows.map((row) => row.runId).filter((id) => this.cache.get(id) === undefined))];
    const headers = missing.length === 0 ? new Map<RunId, RunRow>() : await this.cache.headers(missing);
    const byAttempt = new Map<AttemptId, ClaimedRow>(rows.map((row) => [row.attemptId, row]));
    return claims.map((claim) => {
      const row = byAttempt.get(claim.attemptId);
      if (row === undefined || row.token !== claim.token) return null;
      const cached = this.cache.get(row.runId);
      const header = cached?.row ?? headers.get(row.runId);
      if (header === undefined) return null;
      const { plan, taskParams } = this.cache.version(header.dagVersionId);
      const position = plan.byId.get(row.taskId);
      const queue = position === undefined ? '' : plan.tasks[position]!.queue;
      if (!this.queueTeams.mayUse(queue, header.team)) {
        if (cached !== undefined) markClaimed(cached.run, row.instanceId, row.attemptId);
        this.refuse(row, header.dagId, this.queueTeams.refusal(queue, header.dagId, header.team));
        return null;
      }
      const instance = cached?.run.instances.get(row.instanceId);
      if (cached !== undefined) markClaimed(cached.run, row.instanceId, row.attemptId);
      if (position === undefined) return null;
      if (instance !== undefined && instance.queuedAtMs !== null) {
        this.onClaimed(plan.tasks[position]!.queue, secondsBetween(instance.scheduledAtMs, instance.queuedAtMs), secondsBetween(instance.queuedAtMs, row.startMs), { row: header, taskId: row.taskId, attemptId: row.attemptId, queuedAtMs: instance.queuedAtMs, startMs: row.startMs });
      }
      this.grants.granted({ attemptId: row.attemptId, instanceId: row.instanceId, token: row.token, runId: row.runId, sessionId: claim.sessionId });
      return makeGrant(header, plan.tasks[position]!, taskParams, row, cached === undefined ? '' : this.home);
    });
  }
}

function secondsBetween(fromMs: number | null, toMs: number): number | null {
  return fromMs === null ? null : Math.max(0, toMs - fromMs) / 1_000;
}
