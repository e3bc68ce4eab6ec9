import { status } from '@grpc/grpc-js';
import type { ServerUnaryCall, ServiceError, sendUnaryData } from '@grpc/grpc-js';
import { bearerOf, isInternalToken } from '@millrace/access';
import { pluginDocumentSchema } from '@millrace/contracts';
import type { bundlesProto } from '@millrace/contracts';
import { Plugins, ReparseRequests, ServiceInstances } from '@millrace/persistence';
import type { Database, ReportedPlugin } from '@millrace/persistence';
import type { DagSourceDesk, Publication } from '@millrace/scheduling';
import { TimetableDesk } from '@millrace/scheduling';
import type { Logger } from '@millrace/telemetry';
import { ERRORS, MillraceError } from '@millrace/vocabulary';

/** Takes dag files from dag-processors: checks who calls, hands over to publication. */
export function bundlesService(parts: { readonly publication: Publication; readonly sources: DagSourceDesk; readonly database: Database; readonly internalToken: string; readonly logger: Logger }): bundlesProto.BundlesServiceServer {
  const { publication, sources, database, internalToken, logger } = parts;
  const beats = new ServiceInstances(database);
  const reparse = new ReparseRequests(database);
  const timetables = new TimetableDesk(database, logger);
  const plugins = new Plugins(database);
  return {
    publishFile: unary(internalToken, logger, async (request: bundlesProto.PublishFileRequest) => {
      const { importError } = request;
      if (await sources.isDeployed(request.bundleName)) throw new MillraceError('invalid', nameTaken(request.bundleName));
      const result = await publication.publishFile({
        ...request,
        importError: importError === undefined ? null : { stackTrace: importError.stackTrace, filename: importError.filename, line: importError.line },
      });
      for (const dag of result.dags) if (dag.changed) logger.info('dag version published', { dag_id: dag.dagId, version_number: dag.versionNumber, file: request.relativeFileloc });
      if (result.refused !== '') logger.warn('dag file refused', { file: request.relativeFileloc, refused: result.refused });
      await reparse.done({ bundleName: request.bundleName, relativeFileloc: request.relativeFileloc });
      return { dags: [...result.dags], refused: result.refused };
    }),
    reportFolder: unary(internalToken, logger, async (request: bundlesProto.ReportFolderRequest) => {
      if (await sources.isDeployed(request.bundleName)) throw new MillraceError('invalid', nameTaken(request.bundleName));
      return publication.reportFolder(request.bundleName, request.relativeFilelocs);
    }),
    takeSource: unary(internalToken, logger, async (request: bundlesProto.TakeSourceRequest) => {
      const taken = await sources.take(request.processorId, request.waitMs);
      return { source: taken === null ? undefined : { ...taken, files: [...taken.files] } };
    }),
    readSourceFiles: unary(internalToken, logger, async (request: bundlesProto.ReadSourceFilesRequest) => ({ contents: [...(await sources.readFiles(request.hashes))] })),
    tellSourceFile: unary(internalToken, logger, async ({ file, sourceId, revision, processorId }: bundlesProto.TellSourceFileRequest) => {
      if (file === undefined) throw new MillraceError('invalid', 'no file is given');
      const { importError } = file;
      return { goOn: await sources.tell(sourceId, revision, processorId, { ...file, importError: importError === undefined ? null : { ...importError } }) };
    }),
    finishSource: unary(internalToken, logger, async ({ sourceId, revision, processorId, failure }: bundlesProto.FinishSourceRequest) => ({ accepted: await sources.finish(sourceId, revision, processorId, failure) })),
    takeTimetables: unary(internalToken, logger, async () => ({
      timetables: (await timetables.take()).map(({ dagId, versionId, bundle, after, nowMs }) => ({ dagId, versionId, bundle, after: after ?? undefined, nowMs })),
    })),
    extendTimetable: unary(internalToken, logger, async (request: bundlesProto.ExtendTimetableRequest) => {
      if (request.timetable === undefined) throw new MillraceError('invalid', 'no timetable is given');
      return { accepted: await timetables.extend({ versionId: request.versionId, timetable: request.timetable, after: request.after ?? null, error: request.error }) };
    }),
    reportPlugins: unary(internalToken, logger, async (request: bundlesProto.ReportPluginsRequest) => {
      await plugins.report(request.bundleName, request.plugins.map(reportedPlugin));
      for (const { source, error } of request.plugins) if (error !== undefined) logger.warn('a plugin cannot be used', { plugin: source, file: error.filename, line: error.line });
      return {};
    }),
    heartbeat: unary(internalToken, logger, async (request: bundlesProto.HeartbeatRequest) => {
      if (request.leaving) {
        await beats.end(request.processorId);
        return { reparse: [] };
      }
      await beats.beat({ id: request.processorId, kind: 'dag-processor', hostname: request.hostname, pid: request.pid, address: null, version: request.version });
      return { reparse: await reparse.open() };
    }),
  };
}

function reportedPlugin({ source, document, error, code, codeHash }: bundlesProto.ReportedPlugin): ReportedPlugin {
  const broken = (text: string, file = source, line = 0): ReportedPlugin => ({ source, document: null, error: { text, file, line }, code: null, codeHash: null });
  if (document === '') return broken(error?.stackTrace ?? 'it cannot be used', error?.filename, error?.line);
  const checked = pluginDocumentSchema.safeParse(asJson(document));
  if (!checked.success) return broken(`${source}: its description cannot be read: ${checked.error.issues[0]?.path.join('.') ?? ''}: ${checked.error.issues[0]?.message ?? ''}`);
  return { source, document: checked.data, error: null, code: codeHash === '' ? null : code, codeHash: codeHash === '' ? null : codeHash };
}

function asJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null; // The schema says that it is no plugin.
  }
}

function nameTaken(bundleName: string): string {
  return `"${bundleName}" is the name of ${bundleName === 'documents' ? 'the documents sent to the api' : 'a deployed bundle'}; give the folder another name in dag_processor.folders`;
}

/** A unary handler: internal token, errors with their codes. */
function unary<Request, Response>(internalToken: string, logger: Logger, answer: (request: Request) => Promise<Response>) {
  return (call: ServerUnaryCall<Request, Response>, callback: sendUnaryData<Response>): void => {
    if (!isInternalCall(call.metadata.get('authorization')[0], internalToken)) {
      callback(refusal(status.UNAUTHENTICATED, 'the internal token is missing or wrong (security.internal_token)'));
      return;
    }
    answer(call.request).then(
      (response) => callback(null, response),
      (error: unknown) => callback(toServiceError(error, call.getPath(), logger)),
    );
  };
}

export function isInternalCall(header: string | Buffer | undefined, internalToken: string): boolean {
  const token = bearerOf(header?.toString());
  return token !== null && isInternalToken(token, internalToken);
}

export function toServiceError(error: unknown, path: string, logger: Logger): ServiceError {
  if (error instanceof MillraceError) return refusal(status[ERRORS[error.code].grpc], error.message);
  logger.error('a gRPC call failed', { path, error });
  return refusal(status.UNAVAILABLE, 'the call could not be carried out; try again');
}

export function refusal(code: status, details: string): ServiceError {
  return Object.assign(new Error(details), { code, details, metadata: undefined }) as unknown as ServiceError;
}
