import type { SecretBox } from '@millrace/access';
import type { executionProto } from '@millrace/contracts';
import type { AttemptReads, StoredConnection } from '@millrace/persistence';
import type { AttemptId, ClaimToken, InstanceId } from '@millrace/vocabulary';

const MAX_TASKS = 10_000;

/** Answers what a running attempt asks for: XComs, variables, connections. Only an attempt under its current claim gets an answer. */
export class AttemptQuestions {
  constructor(
    private readonly reads: AttemptReads,
    private readonly secrets: SecretBox,
  ) {}

  async answer(query: executionProto.Query): Promise<executionProto.QueryReply> {
    const reply: executionProto.QueryReply = { requestId: query.requestId, found: false, json: '', xcoms: [], error: '' };
    try {
      const current = await this.reads.running(query.instanceId as InstanceId, query.attemptId as AttemptId, query.claimToken as ClaimToken);
      if (current === undefined) return { ...reply, error: 'this attempt is no longer the current one of its task' };
      const { what } = query;
      switch (what?.$case) {
        case 'xcom':
          return { ...reply, ...(await this.#xcoms(what.value, current)) };
        case 'variableKey': {
          const variable = await this.reads.variable(what.value);
          if (variable === undefined) return reply;
          return { ...reply, found: true, json: variable.isEncrypted ? this.secrets.open(variable.value, `variable/${what.value}`) : variable.value };
        }
        case 'connectionId': {
          const connection = await this.reads.connection(what.value);
          return connection === undefined ? reply : { ...reply, found: true, json: JSON.stringify(this.#open(connection)) };
        }
        case 'xcomWrite':
          return { ...reply, error: 'XComs are sent with the result' };
        default:
          return { ...reply, error: 'the question names nothing to look up' };
      }
    } catch (error) {
      return { ...reply, error: `could not be looked up: ${error instanceof Error ? error.message : String(error)}` };
    }
  }

  async #xcoms(query: executionProto.XComQuery, asking: { dagId: string; runId: string }): Promise<Partial<executionProto.QueryReply>> {
    if (query.taskIds.length === 0 || query.taskIds.length > MAX_TASKS) return { error: `name 1 to ${MAX_TASKS} tasks to pull from` };
    const rows = await this.reads.xcoms({
      // Empty: the asking attempt's own.
      dagId: query.dagId || asking.dagId,
      runId: query.runId || asking.runId,
      taskIds: query.taskIds,
      key: query.key,
      indexPath: query.hasIndexPath ? query.indexPath : null,
      includePriorDates: query.includePriorDates,
    });
    return { found: rows.length > 0, xcoms: rows.map((row) => ({ taskId: row.taskId, indexPath: [...row.indexPath], json: row.json ?? 'null' })) };
  }

  #open(stored: StoredConnection): Record<string, unknown> {
    const { connectionId, passwordEncrypted, extraEncrypted, ...plain } = stored;
    const open = (sealed: string | null, field: string): string | null => (sealed === null ? null : this.secrets.open(sealed, `connection/${connectionId}/${field}`));
    return { connectionId, ...plain, password: open(passwordEncrypted, 'password'), extra: open(extraEncrypted, 'extra') };
  }
}
