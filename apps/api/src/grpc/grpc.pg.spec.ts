import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { Metadata, credentials, status } from '@grpc/grpc-js';
import { bundlesProto, logsProto } from '@millrace/contracts';
import { logPathOf } from '@millrace/task-logs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ApiRig, INTERNAL_TOKEN } from '../testing/api-rig.js';

let rig: ApiRig;
let bundles: bundlesProto.BundlesServiceClient;
let logs: logsProto.LogsServiceClient;
beforeAll(async () => {
  rig = await ApiRig.open();
  const address = `127.0.0.1:${rig.api.grpcPort}`;
  bundles = new bundlesProto.BundlesServiceClient(address, credentials.createInsecure());
  logs = new logsProto.LogsServiceClient(address, credentials.createInsecure());
});
afterAll(async () => {
  bundles.close();
  logs.close();
  await rig[Symbol.asyncDispose]();
});

const internal = (token = INTERNAL_TOKEN): Metadata => {
  const metadata = new Metadata();
  metadata.set('authorization', `Bearer ${token}`);
  return metadata;
};
const request = (documents: readonly object[], code = 'export {}'): bundlesProto.PublishFileRequest => {
  const bundle = Buffer.from(code);
  return {
    bundleName: 'dags', relativeFileloc: 'etl.ts', fileloc: '/dags/etl.ts', bundleHash: createHash('sha256').update(bundle).digest('hex'), bundle, source: code,
    dagDocuments: documents.map((document) => JSON.stringify(document)), importError: undefined, timetables: [], bundleVersion: '', parseDurationMs: 5,
  };
};
const publish = (body: bundlesProto.PublishFileRequest, metadata = internal()): Promise<bundlesProto.PublishFileResponse> =>
  promisify<bundlesProto.PublishFileRequest, Metadata, bundlesProto.PublishFileResponse>(bundles.publishFile.bind(bundles))(body, metadata);

describe('bundles', () => {
  const etl = { format: 1, dagId: 'etl', tasks: [{ taskId: 'a', operator: 'EmptyOperator' }] };

  it('publishes, refuses, and makes stale', async () => {
    expect(await publish(request([etl]))).toEqual({ dags: [{ dagId: 'etl', versionNumber: 1, changed: true }], refused: '' });
    expect((await publish(request([{ ...etl, tasks: 1 }]))).refused).toContain('dag "etl", tasks');
    expect((await rig.get('/api/v2/dags/etl')).body).toMatchObject({ has_import_errors: true, is_stale: false });
    const error = { stackTrace: 'etl.ts:7: no', filename: 'etl.ts', line: 7 };
    await publish({ ...request([]), importError: error });
    expect((await rig.get('/api/v2/importErrors')).body.import_errors).toMatchObject([{ stack_trace: 'etl.ts:7: no' }]);
    const report = promisify<bundlesProto.ReportFolderRequest, Metadata, bundlesProto.ReportFolderResponse>(bundles.reportFolder.bind(bundles));
    expect(await report({ bundleName: 'dags', relativeFilelocs: [] }, internal())).toEqual({ staleDags: 1 });
  });

  it('takes a bundle larger than a usual gRPC message', async () => {
    const big = `export const data = "${'x'.repeat(6_000_000)}"`;
    expect((await publish({ ...request([{ ...etl, dagId: 'big' }], big), relativeFileloc: 'big.ts' })).dags).toHaveLength(1);
  });

  it('shows a dag-processor as alive, with its version, and as ended when it said so', async () => {
    const beat = promisify<bundlesProto.HeartbeatRequest, Metadata, bundlesProto.HeartbeatResponse>(bundles.heartbeat.bind(bundles));
    const told = async (): Promise<unknown> => (await rig.get('/api/millrace/v1/services')).body.services.find((one: { id: string }) => one.id === 'p1');
    await beat({ processorId: 'p1', hostname: 'h', pid: 1, version: '7.7', leaving: false }, internal());
    expect((await rig.get('/api/v2/monitor/health')).body.dag_processor.status).toBe('healthy');
    expect(await told()).toMatchObject({ kind: 'dag-processor', version: '7.7', alive: true, ended_at: null });
    await beat({ processorId: 'p1', hostname: 'h', pid: 1, version: '7.7', leaving: true }, internal());
    expect(await told()).toMatchObject({ alive: false, ended_at: expect.any(String) });
  });

  it.each([['a wrong token', internal('x'.repeat(40))], ['no token', new Metadata()]])('refuses %s', async (_, metadata) => {
    await expect(publish(request([etl]), metadata)).rejects.toMatchObject({ code: status.UNAUTHENTICATED });
  });
});

describe('logs', () => {
  const read = async (body: Partial<logsProto.ReadLogRequest>, metadata = internal()): Promise<logsProto.ReadLogResponse[]> => {
    const parts: logsProto.ReadLogResponse[] = [];
    for await (const part of logs.readLog({ dagId: 'big', runId: 'r', taskId: 'a', mapIndex: -1, tryNumber: 1, offset: 0, follow: false, ...body }, metadata)) parts.push(part as logsProto.ReadLogResponse);
    return parts;
  };

  it('streams the bytes, from an offset, and says where the next read goes on', async () => {
    await rig.call('POST', '/api/v2/dags/big/dagRuns', { body: { dag_run_id: 'r' } });
    await rig.sql(`insert into task_instance (id, dag_run_id, dag_id, run_id, task_id, state, try_number, operator) select gen_random_uuid(), id, dag_id, run_id, 'a', 'success', 1, 'EmptyOperator' from dag_run`);
    const file = join(rig.logsFolder, logPathOf({ dagId: 'big', runId: 'r', taskId: 'a', indexPath: [], tryNumber: 1 }));
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, 'one\ntwo\n');
    const parts = await read({ offset: 4 });
    expect(Buffer.concat(parts.map((part) => part.chunk)).toString()).toBe('two\n');
    expect(parts.at(-1)).toMatchObject({ end: true, source: 'local', nextOffset: 8 });
    expect(Buffer.concat((await read({ follow: true })).map((part) => part.chunk)).toString()).toBe('one\ntwo\n');
  });

  it('refuses strangers and unknown tries', async () => {
    await expect(read({}, new Metadata())).rejects.toMatchObject({ code: status.UNAUTHENTICATED });
    await expect(read({ taskId: 'zzz' })).rejects.toMatchObject({ code: status.NOT_FOUND });
  });
});
