import type { executionProto } from '@millrace/contracts';
import type { FinishedEvent, GiveUp } from '@millrace/engine';
import { checkWait, correlationKeyOf, questionOf } from './wait-of-completion.js';
import { OUTCOMES } from '@millrace/vocabulary';
import type { AttemptId, ClaimToken, InstanceId, Outcome, RunId } from '@millrace/vocabulary';
import type { AttemptFacts, RunReader } from '@millrace/persistence';
import type { ApplyRuns } from '../apply-runs/apply-runs.js';
import type { Taker } from '../apply-runs/inputs.js';
import { readOutletEvents } from './outlet-events.js';
import type { GrantBook, GrantEntry } from '../claims/grant-book.js';

type Completion = executionProto.Completion;

export interface CompletionAnswer {
  readonly result: 'accepted' | 'refused' | 'later';
  readonly reason: string;
  readonly next: readonly executionProto.Grant[];
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const MAX_REASON_LENGTH = 2_000;
const MAX_ERROR_NAMES = 20;
const INDEX_NAME_MAX = 250;

/**
 * Takes what workers report of ended attempts. Accepted only for the current attempt under the current claim; the end of one task and
 * the start of the next are the same commit. The same report again gets the same answer, also after a crash in between.
 */
export class Completions {
  constructor(
    private readonly apply: ApplyRuns,
    private readonly reader: RunReader,
    private readonly grants: GrantBook,
    private readonly xcomMaxBytes: number,
  ) {}

  async complete(item: Completion, taker: Taker | null): Promise<CompletionAnswer> {
    const unreadable = checkIds(item);
    if (unreadable !== undefined) return { result: 'refused', reason: unreadable, next: [] };
    const unstorable = this.#checkContent(item);
    // The attempt did end. What it reported cannot be kept, so the try fails and says why, rather than be forgotten.
    if (unstorable !== undefined) item = failedInstead(item, unstorable);
    const instanceId = item.instanceId as InstanceId;
    const attemptId = item.attemptId as AttemptId;
    const claimToken = item.claimToken as ClaimToken;
    const grant = this.grants.find(attemptId);
    let runId: RunId | undefined = grant?.runId;
    if (runId === undefined) {
      try {
        runId = (await this.reader.runsOf([instanceId])).get(instanceId);
      } catch (error) {
        return { result: 'later', reason: `database: ${error instanceof Error ? error.message : String(error)}`, next: [] };
      }
    }
    if (runId === undefined) return { result: 'refused', reason: 'there is no such task instance; its run was deleted', next: [] };
    const result = await this.apply.submit(runId, {
      event: toEvent(item, instanceId, attemptId),
      completion: { instanceId, attemptId, claimToken, claimKnown: grant?.token === claimToken, facts: factsOf(item), question: questionOf(item), indexName: item.indexName === '' ? null : cleanText(item.indexName).slice(0, INDEX_NAME_MAX), xcoms: item.xcoms, taker: item.wantsMore ? taker : null, onlySuccessor: item.onlySuccessor },
    });
    switch (result.kind) {
      case 'applied':
        this.grants.ended(attemptId);
        return { result: 'accepted', reason: '', next: result.next };
      case 'later':
        return { result: 'later', reason: result.reason, next: [] };
      case 'ignored':
        return this.#fate(instanceId, attemptId, claimToken, result.reason);
      default:
        return result satisfies never;
    }
  }

  /** Ends an attempt that was claimed and must not run; it is not tried again. What cannot be written now is found by the heartbeats of its worker, which does not hold it. */
  async refuse(runId: RunId, of: Pick<GrantEntry, 'instanceId' | 'attemptId' | 'token'>, reason: string): Promise<boolean> {
    const { instanceId, attemptId, token } = of;
    const result = await this.apply.submit(runId, {
      event: { type: 'finished', instanceId, attemptId, outcome: 'failed', retryable: false, error: cleanText(reason), resumeAtMs: null, branch: null, skipDownstream: '' },
      completion: { instanceId, attemptId, claimToken: token, claimKnown: true, facts: null, question: null, indexName: null, xcoms: [], taker: null, onlySuccessor: false },
    });
    return result.kind === 'applied';
  }

  /** Was this very report accepted before (its answer was lost), or is it a late result of a lost attempt? */
  async #fate(instanceId: InstanceId, attemptId: AttemptId, token: ClaimToken, reason: string): Promise<CompletionAnswer> {
    try {
      const fates = await this.reader.fates([{ instanceId, attemptId }]);
      const accepted = fates.some((fate) => fate.claimToken === token && fate.state !== 'lost' && fate.state !== 'running' && fate.state !== 'queued' && fate.state !== 'restarting');
      if (accepted) return { result: 'accepted', reason: 'already known', next: [] };
      const running = fates.some((fate) => fate.claimToken === token && fate.state === 'running');
      if (running) return { result: 'later', reason: `still running by the database, but not decided: ${reason}`, next: [] };
      this.grants.ended(attemptId);
      return { result: 'refused', reason, next: [] };
    } catch (error) {
      return { result: 'later', reason: `database: ${error instanceof Error ? error.message : String(error)}`, next: [] };
    }
  }

  #checkContent(item: Completion): string | undefined {
    if (!OUTCOMES.includes(item.outcome as Outcome)) return `outcome "${item.outcome.slice(0, 40)}" is none of ${OUTCOMES.join(', ')}`;
    for (const field of ['resumeJson', 'renderedFieldsJson'] as const) {
      if (item[field] !== '' && !isStorableJson(item[field])) return `${field} is not JSON that PostgreSQL can store`;
    }
    for (const xcom of item.xcoms) {
      if (xcom.key === '' || xcom.key.length > 512 || xcom.key.includes('\0')) return 'an XCom key must have 1 to 512 characters';
      if (Buffer.byteLength(xcom.json) > this.xcomMaxBytes) return `XCom "${xcom.key}" has ${Buffer.byteLength(xcom.json)} bytes; the limit is ${this.xcomMaxBytes} (core.xcom_max_bytes)`;
      if (!isStorableJson(xcom.json)) return `XCom "${xcom.key}" is not JSON that PostgreSQL can store (a NUL character?)`;
    }
    if (item.outletEventsJson !== '' && (!isStorableJson(item.outletEventsJson) || readOutletEvents(item.outletEventsJson) === undefined)) return 'what the try told of its outlets is not a list of { name, uri, group, extra, alias, partitionKeys }';
    if (item.resumeAt !== '' && Number.isNaN(Date.parse(item.resumeAt))) return 'resume_at is not a date';
    return checkWait(item);
  }
}

function checkIds(item: Completion): string | undefined {
  for (const [field, value] of [['instance_id', item.instanceId], ['attempt_id', item.attemptId], ['claim_token', item.claimToken]] as const) {
    if (!UUID.test(value)) return `${field} is not a uuid`;
  }
  return undefined;
}

function failedInstead(item: Completion, error: string): Completion {
  return { ...item, outcome: 'failed', retryable: false, error, xcoms: [], renderedFieldsJson: '', resumeJson: '', resumeAt: '', correlationKey: '', hasBranch: false, skipDownstream: '', giveUpAt: '', giveUpThen: '', question: undefined, outletEventsJson: '' };
}

function toEvent(item: Completion, instanceId: InstanceId, attemptId: AttemptId): FinishedEvent {
  const event = plainEvent(item, instanceId, attemptId);
  return item.outletEventsJson === '' || item.outcome !== 'success' ? event : { ...event, outletEvents: readOutletEvents(item.outletEventsJson) ?? [] };
}

function plainEvent(item: Completion, instanceId: InstanceId, attemptId: AttemptId): FinishedEvent {
  return {
    type: 'finished',
    instanceId,
    attemptId,
    outcome: item.outcome as Outcome,
    retryable: item.retryable,
    error: cleanText(item.error),
    resumeAtMs: item.resumeAt === '' ? null : Date.parse(item.resumeAt),
    giveUp: item.giveUpAt === '' ? undefined : { atMs: Date.parse(item.giveUpAt), as: item.giveUpThen as GiveUp },
    errorNames: item.errorNames.length === 0 ? undefined : item.errorNames.slice(0, MAX_ERROR_NAMES).map((name) => cleanText(name.slice(0, 250))),
    branch: item.hasBranch ? item.branchTaskIds : null,
    skipDownstream: item.skipDownstream === 'all' || item.skipDownstream === 'direct' ? item.skipDownstream : '',
    ...(item.loop === 'again' || item.loop === 'stop' ? { loop: item.loop } : {}),
  };
}

function factsOf(item: Completion): AttemptFacts | null {
  const correlationKey = correlationKeyOf(item);
  if (item.pid === 0 && item.renderedFieldsJson === '' && item.resumeJson === '' && correlationKey === null) return null;
  return {
    pid: item.pid === 0 ? null : item.pid,
    renderedFieldsJson: item.renderedFieldsJson === '' ? null : item.renderedFieldsJson,
    resumeJson: item.resumeJson === '' ? null : item.resumeJson,
    correlationKey,
  };
}

/** PostgreSQL stores no NUL in text. */
export function cleanText(text: string): string {
  return text.slice(0, MAX_REASON_LENGTH).replaceAll('\0', '\uFFFD');
}

/** jsonb refuses \\u0000 inside strings; better to say so here than to fail a whole batch. */
export function isStorableJson(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return !text.includes('\\u0000') || !JSON.stringify(value).match(/(?<!\\)(?:\\\\)*\\u0000/);
  } catch {
    return false;
  }
}
