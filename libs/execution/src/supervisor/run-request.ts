import { join } from 'node:path';
import { executionProto } from '@millrace/contracts';
import type { ExternalQuestion, OtherRunQuestion, RunRequest, RunnerAnswer, RunnerQuestion, StateQuestion } from '@millrace/contracts';
import { logPathOf } from '@millrace/task-logs';

export interface RunPlaces {
  readonly logFolder: string;
  readonly scratchFolder: string;
  readonly xcomMaxBytes: number;
  /** Trace context for task code; without it what came with the grant is handed on. */
  readonly traceparent?: (grant: executionProto.Grant) => string;
}

/** What a runner needs to run a granted attempt. Throws when an id cannot be part of a log's path. */
export function runRequestOf(grant: executionProto.Grant, bundleFile: string, places: RunPlaces): RunRequest {
  return requestOf(grant, bundleFile, places, join(places.logFolder, logPathOf(grant)));
}

export function requestOf(grant: executionProto.Grant, bundleFile: string, places: RunPlaces, logFile: string): RunRequest {
  const { dagId, runId, taskId, indexPath, tryNumber } = grant;
  return {
    type: 'run',
    attemptId: grant.attemptId,
    instanceId: grant.instanceId,
    dagId,
    runId,
    taskId,
    indexPath,
    tryNumber,
    maxTries: grant.maxTries,
    bundleFile,
    logFile,
    logicalDate: textOrNull(grant.logicalDate),
    dataIntervalStart: textOrNull(grant.dataIntervalStart),
    dataIntervalEnd: textOrNull(grant.dataIntervalEnd),
    runAfter: grant.runAfter,
    runType: grant.runType,
    startDate: grant.startDate,
    confJson: grant.confJson,
    paramsJson: grant.paramsJson,
    resumeJson: grant.resumeJson,
    wait: grant.firstStartDate === '' ? null : { firstStartDate: grant.firstStartDate, looks: grant.looks, resumedBy: grant.resumedBy, payloadJson: grant.resumePayloadJson },
    partitionKey: textOrNull(grant.partitionKey),
    owner: grant.owner,
    queue: grant.queue,
    traceparent: places.traceparent === undefined ? grant.traceparent : places.traceparent(grant),
    scratchDir: join(places.scratchFolder, grant.attemptId),
    runScratchDir: grant.placementGeneration > 0 ? runScratchOf(grant, places.scratchFolder) : null,
    placementGeneration: grant.placementGeneration,
    xcomMaxBytes: places.xcomMaxBytes,
  };
}

/** The folder the tasks of a run share on this worker; another one each time the run comes to a worker. */
export function runScratchOf(grant: executionProto.Grant, scratchFolder: string): string {
  return join(scratchFolder, 'runs', `${grant.runUuid}-${grant.placementGeneration}`);
}

/** A task's question in the words of the execution protocol. */
export function queryOf(grant: executionProto.Grant, question: RunnerQuestion): Omit<executionProto.Query, 'requestId'> {
  const { attemptId, claimToken, instanceId } = grant;
  return { attemptId, claimToken, instanceId, what: whatOf(question) };
}

export function answerOf(question: RunnerQuestion, reply: executionProto.QueryReply): RunnerAnswer {
  if (question.ask === 'xcom') return question.page === undefined ? { xcoms: reply.xcoms } : { xcoms: reply.xcoms, total: reply.total };
  if (question.ask === 'state') return { stored: { json: reply.found ? reply.json : null, version: reply.version, conflict: reply.conflict } };
  return { json: reply.found ? reply.json : null };
}

const STATE_KINDS: Readonly<Record<StateQuestion['operation'], executionProto.StateOperation_Kind>> = {
  get: executionProto.StateOperation_Kind.KIND_GET,
  set: executionProto.StateOperation_Kind.KIND_SET,
  delete: executionProto.StateOperation_Kind.KIND_DELETE,
  list: executionProto.StateOperation_Kind.KIND_LIST,
};
const OTHER_RUN_KINDS: Readonly<Record<OtherRunQuestion['operation'], executionProto.OtherRunQuery_Kind>> = {
  trigger: executionProto.OtherRunQuery_Kind.KIND_TRIGGER,
  look: executionProto.OtherRunQuery_Kind.KIND_LOOK,
};
const EXTERNAL_KINDS: Readonly<Record<ExternalQuestion['operation'], executionProto.ExternalOperation_Kind>> = {
  begin: executionProto.ExternalOperation_Kind.KIND_BEGIN,
  submitted: executionProto.ExternalOperation_Kind.KIND_SUBMITTED,
  report: executionProto.ExternalOperation_Kind.KIND_REPORT,
  get: executionProto.ExternalOperation_Kind.KIND_GET,
};

function whatOf(question: RunnerQuestion): executionProto.Query['what'] {
  switch (question.ask) {
    case 'xcom':
      return {
        $case: 'xcom',
        value: {
          dagId: question.dagId ?? '',
          runId: question.runId ?? '',
          taskIds: [...question.taskIds],
          key: question.key,
          indexPath: [...(question.indexPath ?? [])],
          hasIndexPath: question.indexPath !== null,
          includePriorDates: question.includePriorDates,
          underPath: [...(question.page?.under ?? [])],
          limit: question.page?.limit ?? 0,
          offset: question.page?.offset ?? 0,
          elements: question.page?.elements ?? false,
        },
      };
    case 'variable':
      return { $case: 'variableKey', value: question.key };
    case 'connection':
      return { $case: 'connectionId', value: question.connectionId };
    case 'latestRun':
      return { $case: 'latestRun', value: true };
    case 'assetEvents': {
      const { triggering, name, uri, alias, after, before, limit, ascending } = question;
      return { $case: 'assetEvents', value: { triggering, name, uri, alias, after, before, limit, ascending } };
    }
    case 'state': {
      const { asset, key, json, expectedVersion, operationId, operation } = question;
      return { $case: 'state', value: { kind: STATE_KINDS[operation], asset, key, json, hasExpectedVersion: expectedVersion !== null, expectedVersion: expectedVersion ?? 0, operationId } };
    }
    case 'external': {
      const { operation, externalId, cancelJson, state, resultJson, progressJson, reason } = question;
      return { $case: 'external', value: { kind: EXTERNAL_KINDS[operation], externalId, cancelJson, state, resultJson, progressJson, reason } };
    }
    case 'otherRun':
      return { $case: 'otherRun', value: { kind: OTHER_RUN_KINDS[question.operation], json: question.json } };
    case 'answer':
      return { $case: 'answer', value: { takeDefaults: question.takeDefaults } };
    default:
      return question satisfies never;
  }
}

function textOrNull(text: string): string | null {
  return text === '' ? null : text;
}
