import type { AttemptId, ClaimToken, IndexPath, InstanceId } from '@millrace/vocabulary';
import type { Statement, Transaction } from '../database/database.js';

export interface Fence {
  readonly instanceId: InstanceId;
  readonly attemptId: AttemptId;
  readonly claimToken: ClaimToken;
}

export interface FencedInstance {
  readonly dagId: string;
  readonly runId: string;
  readonly taskId: string;
  readonly indexPath: IndexPath;
  readonly tryNumber: number;
}

/** fence: the instance of a running attempt under its current claim; until the transaction ends nobody makes it another one's. */
const FENCE: Statement = {
  name: 'fence-attempt',
  text: `
select dag_id as "dagId", run_id as "runId", task_id as "taskId", index_path as "indexPath", try_number as "tryNumber"
from task_instance where id = $1 and attempt_id = $2 and claim_token = $3 and state in ('running', 'restarting') for share`,
};

/** undefined: the attempt is not the current one any more, and may write nothing. */
export async function fenced(tx: Transaction, { instanceId, attemptId, claimToken }: Fence): Promise<FencedInstance | undefined> {
  return (await tx.query<FencedInstance & Record<string, unknown>>(FENCE, [instanceId, attemptId, claimToken]))[0];
}
