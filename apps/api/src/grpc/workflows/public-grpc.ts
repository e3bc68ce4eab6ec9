import { createRequire } from 'node:module';
import type { Server } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { ReflectionService } from '@grpc/reflection';
import { workflowsProto } from '@millrace/contracts';
import { HealthImplementation } from 'grpc-health-check';
import { workflowsService } from './workflows.service.js';
import type { WorkflowParts } from './workflows.service.js';

const PROTO = 'millrace/v1/workflows.proto';
const SERVICE = 'millrace.v1.WorkflowService';

/**
 * Adds what programs may call, with health (`grpc.health.v1`) and reflection, so that `grpcurl` and the like need no files.
 * @returns tells the health service whether the api works
 */
export function addPublicGrpc(server: Server, parts: WorkflowParts): (isHealthy: boolean) => void {
  server.addService(workflowsProto.WorkflowServiceService, workflowsService(parts));
  // Names as they are written, numbers and enums as texts: what reflection sends is the descriptor itself.
  const file = createRequire(import.meta.url).resolve(`@millrace/contracts/${PROTO}`);
  const definition = loadSync(PROTO, { includeDirs: [file.slice(0, -PROTO.length)], keepCase: true });
  new ReflectionService(definition).addToServer(server);
  const health = new HealthImplementation({ '': 'SERVING', [SERVICE]: 'SERVING' });
  health.addToServer(server);
  return (isHealthy) => {
    for (const name of ['', SERVICE]) health.setStatus(name, isHealthy ? 'SERVING' : 'NOT_SERVING');
  };
}
