import { isWithinReach, outOfReach } from '@millrace/access';
import type { SecretBox } from '@millrace/access';
import type { OutsideSecrets } from '@millrace/configuration';
import type { executionProto } from '@millrace/contracts';
import type { AssetEventReads, AttemptReads, Callbacks, Fence, FoundAssetEvent, RunningWork, StoredConnection } from '@millrace/persistence';
import type { Logger } from '@millrace/telemetry';
import type { AttemptId, ClaimToken, InstanceId } from '@millrace/vocabulary';
import type { AttemptWrites } from './attempt-writes.js';

const MAX_TASKS = 10_000;
const MAX_PAGE = 10_000;
const MAX_ASSET_EVENTS = 10_000;

/** Answers what a running attempt asks for: XComs, variables, connections. Only an attempt under its current claim gets an answer. */
export class AttemptQuestions {
  constructor(
    private readonly reads: AttemptReads,
    private readonly assetEvents: AssetEventReads,
    private readonly secrets: SecretBox,
    private readonly callbacks: Callbacks,
    private readonly writes: AttemptWrites,
    private readonly outside: OutsideSecrets,
    private readonly logger: Logger,
    private readonly otherRuns: (fence: Fence, query: executionProto.OtherRunQuery) => Promise<Partial<executionProto.QueryReply>>,
  ) {}

  async answer(query: executionProto.Query): Promise<executionProto.QueryReply> {
    const reply: executionProto.QueryReply = { requestId: query.requestId, found: false, json: '', xcoms: [], error: '', total: 0, version: 0, conflict: false };
    try {
      const current = (await this.reads.running(query.instanceId as InstanceId, query.attemptId as AttemptId, query.claimToken as ClaimToken)) ?? (await this.callbacks.running(query.attemptId, query.claimToken));
      if (current === undefined) return { ...reply, error: 'this attempt is no longer the current one of its task' };
      const { what } = query;
      switch (what?.$case) {
        case 'xcom':
          return { ...reply, ...(await this.#xcoms(what.value, current)) };
        case 'variableKey': {
          const outside = this.outside.variable(what.value, current.team);
          if (outside !== undefined) return { ...reply, found: true, json: outside };
          const variable = await this.reads.variable(what.value);
          if (variable === undefined) return reply;
          if (!isWithinReach(variable.team, [current.team])) return { ...reply, error: this.#refusal('variable', what.value, variable.team, current) };
          return { ...reply, found: true, json: variable.isEncrypted ? this.secrets.open(variable.value, `variable/${what.value}`) : variable.value };
        }
        case 'connectionId': {
          const outside = this.outside.connection(what.value, current.team);
          if (outside !== undefined) return { ...reply, found: true, json: JSON.stringify(outside) };
          const connection = await this.reads.connection(what.value);
          if (connection === undefined) return reply;
          if (!isWithinReach(connection.team, [current.team])) return { ...reply, error: this.#refusal('connection', what.value, connection.team, current) };
          return { ...reply, found: true, json: JSON.stringify(this.#open(connection)) };
        }
        case 'latestRun':
          return { ...reply, found: true, json: JSON.stringify(await this.reads.isLatestRun(current.dagId, current.runId)) };
        case 'assetEvents':
          return { ...reply, found: true, json: JSON.stringify(await this.#assetEvents(what.value, current)) };
        case 'state':
          return { ...reply, ...(await this.writes.state(fenceOf(query), what.value)) };
        case 'external':
          return { ...reply, ...(await this.writes.external(fenceOf(query), what.value)) };
        case 'otherRun':
          return { ...reply, ...(await this.otherRuns(fenceOf(query), what.value)) };
        case 'answer':
          return { ...reply, ...(await this.writes.answer(fenceOf(query), what.value)) };
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
    if (query.limit > 0) return this.#page(query, asking);
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

  async #page(query: executionProto.XComQuery, asking: { dagId: string; runId: string }): Promise<Partial<executionProto.QueryReply>> {
    const [taskId] = query.taskIds;
    if (taskId === undefined || query.taskIds.length > 1) return { error: 'a page is of one task' };
    const { rows, total } = await this.reads.xcomPage({
      dagId: query.dagId || asking.dagId,
      runId: query.runId || asking.runId,
      taskId,
      key: query.key,
      path: query.elements ? query.indexPath : query.underPath,
      elements: query.elements,
      offset: Math.max(0, query.offset),
      limit: Math.min(query.limit, MAX_PAGE),
    });
    return { found: rows.length > 0, total, xcoms: rows.map((row) => ({ taskId, indexPath: [...row.indexPath], json: row.json ?? 'null' })) };
  }

  /** Newest first from the database, as many as asked for; then in the order asked for. */
  async #assetEvents(query: executionProto.AssetEventsQuery, asking: { dagId: string; runId: string }): Promise<readonly FoundAssetEvent[]> {
    const limit = Math.min(Math.max(query.limit, 1), MAX_ASSET_EVENTS);
    const bound = (text: string): Date | null => (text === '' || Number.isNaN(Date.parse(text)) ? null : new Date(text));
    const found = query.triggering
      ? await this.assetEvents.triggering(asking.dagId, asking.runId, limit)
      : await this.assetEvents.events({ name: query.name, uri: query.uri, alias: query.alias, after: bound(query.after), before: bound(query.before), limit });
    return query.ascending ? found.toReversed() : found;
  }

  /** Whose it is is told to operators only. */
  #refusal(what: 'variable' | 'connection', name: string, owner: string | null, asking: RunningWork): string {
    this.logger.warn('a task asked for what belongs to another team', { what, name, owner, dag_id: asking.dagId, run_id: asking.runId, team: asking.team });
    return outOfReach(what, name, asking.dagId, asking.team);
  }

  #open(stored: StoredConnection): Record<string, unknown> {
    const { connectionId, passwordEncrypted, extraEncrypted, team: _, ...plain } = stored;
    const open = (sealed: string | null, field: string): string | null => (sealed === null ? null : this.secrets.open(sealed, `connection/${connectionId}/${field}`));
    return { connectionId, ...plain, password: open(passwordEncrypted, 'password'), extra: open(extraEncrypted, 'extra') };
  }
}

function fenceOf(query: executionProto.Query): Fence {
  return { instanceId: query.instanceId as InstanceId, attemptId: query.attemptId as AttemptId, claimToken: query.claimToken as ClaimToken };
}
