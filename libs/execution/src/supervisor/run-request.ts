import { join } from 'node:path';
import type { RunRequest, RunnerAnswer, RunnerQuestion, executionProto } from '@millrace/contracts';
import { logPathOf } from '@millrace/task-logs';

export interface RunPlaces {
  readonly logFolder: string;
  readonly scratchFolder: string;
  readonly xcomMaxBytes: number;
}

/** What a runner needs to run a granted attempt. Throws when an id cannot be part of a log's path. */
export function runRequestOf(grant: executionProto.Grant, bundleFile: string, places: RunPlaces): RunRequest {
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
    logFile: join(places.logFolder, logPathOf({ dagId, runId, taskId, indexPath, tryNumber })),
    logicalDate: textOrNull(grant.logicalDate),
    dataIntervalStart: textOrNull(grant.dataIntervalStart),
    dataIntervalEnd: textOrNull(grant.dataIntervalEnd),
    runAfter: grant.runAfter,
    runType: grant.runType,
    startDate: grant.startDate,
    confJson: grant.confJson,
    paramsJson: grant.paramsJson,
    resumeJson: grant.resumeJson,
    partitionKey: textOrNull(grant.partitionKey),
    owner: grant.owner,
    queue: grant.queue,
    traceparent: grant.traceparent,
    scratchDir: join(places.scratchFolder, grant.attemptId),
    xcomMaxBytes: places.xcomMaxBytes,
  };
}

/** A task's question in the words of the execution protocol. */
export function queryOf(grant: executionProto.Grant, question: RunnerQuestion): Omit<executionProto.Query, 'requestId'> {
  const { attemptId, claimToken, instanceId } = grant;
  return { attemptId, claimToken, instanceId, what: whatOf(question) };
}

export function answerOf(question: RunnerQuestion, reply: executionProto.QueryReply): RunnerAnswer {
  if (question.ask === 'xcom') return { xcoms: reply.xcoms };
  return { json: reply.found ? reply.json : null };
}

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
        },
      };
    case 'variable':
      return { $case: 'variableKey', value: question.key };
    case 'connection':
      return { $case: 'connectionId', value: question.connectionId };
    default:
      return question satisfies never;
  }
}

function textOrNull(text: string): string | null {
  return text === '' ? null : text;
}
