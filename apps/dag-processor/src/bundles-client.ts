import { Metadata, status } from '@grpc/grpc-js';
import type { ServiceError } from '@grpc/grpc-js';
import { bundlesProto } from '@millrace/contracts';
import { channelCredentials } from '@millrace/lifecycle';
import type { TlsFiles } from '@millrace/lifecycle';
import { publishedDocument, type FileOutcome, type FoundPlugin } from '@millrace/bundles';
import { VERSION } from './version.js';

/** A file with its bundle, source and documents; the api accepts as much. */
const MESSAGE_MAX_BYTES = 32 * 1_048_576;
/** Publishing waits for the api's lock, which a big file of another processor may hold. */
const DEADLINE_MS = 30_000;

/** What trying again cannot mend: the message itself is not acceptable. */
const REFUSALS = new Set<number>([status.INVALID_ARGUMENT, status.OUT_OF_RANGE, status.RESOURCE_EXHAUSTED, status.FAILED_PRECONDITION, status.UNIMPLEMENTED]);

export function isRefusal(error: unknown): error is ServiceError {
  return REFUSALS.has((error as Partial<ServiceError>).code ?? -1);
}

/** A source this processor was handed. */
export interface SourceClaim {
  readonly sourceId: string;
  readonly revision: number;
  readonly processorId: string;
}

function fileOf(bundleName: string, outcome: FileOutcome, bundleVersion: string): bundlesProto.PublishFileRequest {
  const { result } = outcome;
  return {
    bundleName,
    relativeFileloc: outcome.path,
    fileloc: outcome.file,
    bundleHash: result.ok ? result.bundle.hash : '',
    bundle: result.ok ? result.bundle.code : Buffer.alloc(0),
    source: outcome.source,
    dagDocuments: result.ok ? result.documents.map(publishedDocument) : [],
    importError: result.ok ? undefined : { stackTrace: result.failure.text, filename: result.failure.file, line: result.failure.line },
    parseDurationMs: outcome.durationMs,
    timetables: result.ok ? Object.entries(result.timetables).map(([dagId, { runs, isComplete }]) => ({ dagId, runs, isComplete })) : [],
    bundleVersion,
  };
}

/** The api's BundlesService. Every method throws a gRPC `ServiceError`; nothing is tried again here. */
export class BundlesClient {
  private readonly client: bundlesProto.BundlesServiceClient;

  /** @param address host:port of the api's gRPC */
  constructor(address: string, private readonly internalToken: string, tls: TlsFiles | null) {
    this.client = new bundlesProto.BundlesServiceClient(address, channelCredentials(tls), {
      'grpc.max_send_message_length': MESSAGE_MAX_BYTES,
      'grpc.max_receive_message_length': MESSAGE_MAX_BYTES,
      // The library's own growth to two minutes would keep a processor silent long after the api is back.
      'grpc.initial_reconnect_backoff_ms': 100,
      'grpc.max_reconnect_backoff_ms': 2_000,
    });
  }

  publish(bundleName: string, outcome: FileOutcome, bundleVersion = ''): Promise<bundlesProto.PublishFileResponse> {
    return this.call((metadata, options, done) => this.client.publishFile(fileOf(bundleName, outcome, bundleVersion), metadata, options, done));
  }

  takeSource(processorId: string, waitMs: number): Promise<bundlesProto.TakeSourceResponse> {
    return this.call((metadata, options, done) => this.client.takeSource({ processorId, waitMs }, metadata, options, done));
  }

  readSourceFiles(request: bundlesProto.ReadSourceFilesRequest): Promise<bundlesProto.ReadSourceFilesResponse> {
    return this.call((metadata, options, done) => this.client.readSourceFiles(request, metadata, options, done));
  }

  tellSourceFile(source: SourceClaim, bundleName: string, outcome: FileOutcome): Promise<bundlesProto.TellSourceFileResponse> {
    return this.call((metadata, options, done) => this.client.tellSourceFile({ ...source, file: fileOf(bundleName, outcome, '') }, metadata, options, done));
  }

  finishSource(source: SourceClaim, failure: string): Promise<bundlesProto.FinishSourceResponse> {
    return this.call((metadata, options, done) => this.client.finishSource({ ...source, failure }, metadata, options, done));
  }

  reportFolder(bundleName: string, relativeFilelocs: readonly string[]): Promise<bundlesProto.ReportFolderResponse> {
    return this.call((metadata, options, done) => this.client.reportFolder({ bundleName, relativeFilelocs: [...relativeFilelocs] }, metadata, options, done));
  }

  reportPlugins(bundleName: string, plugins: readonly FoundPlugin[]): Promise<bundlesProto.ReportPluginsResponse> {
    return this.call((metadata, options, done) => this.client.reportPlugins({
      bundleName,
      plugins: plugins.map(({ source, result }) => ({
        source,
        document: result.ok ? JSON.stringify(result.document) : '',
        error: result.ok ? undefined : { stackTrace: result.failure.text, filename: result.failure.file, line: result.failure.line },
        code: (result.ok ? result.bundle?.code : undefined) ?? Buffer.alloc(0),
        codeHash: (result.ok ? result.bundle?.hash : undefined) ?? '',
      })),
    }, metadata, options, done));
  }

  takeTimetables(processorId: string): Promise<bundlesProto.TakeTimetablesResponse> {
    return this.call((metadata, options, done) => this.client.takeTimetables({ processorId }, metadata, options, done));
  }

  extendTimetable(request: bundlesProto.ExtendTimetableRequest): Promise<bundlesProto.ExtendTimetableResponse> {
    return this.call((metadata, options, done) => this.client.extendTimetable(request, metadata, options, done));
  }

  /** @param leaving the last one */
  heartbeat(processorId: string, hostname: string, leaving = false): Promise<bundlesProto.HeartbeatResponse> {
    return this.call((metadata, options, done) => this.client.heartbeat({ processorId, hostname, pid: process.pid, version: VERSION, leaving }, metadata, options, done));
  }

  close(): void {
    this.client.close();
  }

  private call<Answer>(send: (metadata: Metadata, options: { deadline: number }, done: (error: ServiceError | null, answer: Answer) => void) => void): Promise<Answer> {
    const metadata = new Metadata();
    metadata.set('authorization', `Bearer ${this.internalToken}`);
    return new Promise((resolve, reject) => {
      send(metadata, { deadline: Date.now() + DEADLINE_MS }, (error, answer) => (error === null ? resolve(answer) : reject(error)));
    });
  }
}
