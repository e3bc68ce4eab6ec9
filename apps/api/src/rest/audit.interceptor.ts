import type { CallHandler, ExecutionContext, NestInterceptor } from '@nestjs/common';
import { from, switchMap } from 'rxjs';
import type { Observable } from 'rxjs';
import { maskSensitive } from '@millrace/access';
import { writeAudit } from '@millrace/persistence';
import type { Database } from '@millrace/persistence';
import { maskText } from '@millrace/telemetry';
import { AUDITED, NEEDS, OPERATION, eventOf } from './openapi/operation.js';
import type { Needs } from './openapi/operation.js';
import type { OperationId } from './openapi/operations.js';
import type { ActingRequest } from './security/token.guard.js';

/**
 * Writes down every request that asks for a change, before it is carried out: who, what, on what and with what body. When it cannot be written down, it is not
 * done. What knows what it replaces writes its line itself, in the commit that does it.
 */
export class AuditInterceptor implements NestInterceptor {
  constructor(private readonly database: Database) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const needs = Reflect.getMetadata(NEEDS, context.getHandler()) as Needs | undefined;
    if (needs === undefined || needs === 'public' || needs === 'self' || needs.action === 'read') return next.handle();
    const request = context.switchToHttp().getRequest<ActingRequest>();
    const operation = Reflect.getMetadata(OPERATION, context.getHandler()) as OperationId | undefined;
    if (operation !== undefined && AUDITED_BY_COMMANDS.has(operation)) return next.handle();
    if (Reflect.getMetadata(AUDITED, context.getHandler()) === true) return next.handle();
    return from(this.#write(eventOf(context), request, needs.resource)).pipe(switchMap(() => next.handle()));
  }

  async #write(event: string, request: ActingRequest, resource: string): Promise<void> {
    const params = { ...(request.params as Record<string, string>) };
    const { dag_id: dagId, dag_run_id: runId, task_id: taskId, map_index: mapIndex, ...others } = params;
    // Values of variables and connections are secrets whatever their fields are called.
    const body = resource === 'variable' || resource === 'connection' ? namesOnly(request.body) : maskSensitive(request.body);
    await writeAudit(this.database.pool, {
      event,
      actor: request.actor?.name ?? null,
      dagId: clip(dagId ?? (request.body as { dag_id?: unknown } | null)?.dag_id),
      runId: clip(runId),
      taskId: clip(taskId),
      mapIndex: mapIndex !== undefined && /^\d{1,9}$/.test(mapIndex) ? Number(mapIndex) : null,
      extra: { ...others, ...(request.url.includes('?') ? { query: request.url.slice(request.url.indexOf('?') + 1, 2_000) } : {}), ...(body === undefined || body === null ? {} : { body }) },
    });
  }
}

/** These write their lines in the transactions that carry them out; dry runs change nothing. */
const AUDITED_BY_COMMANDS: ReadonlySet<OperationId> = new Set<OperationId>([
  'trigger_dag_run', 'patch_dag', 'patch_dags', 'delete_dag_run', 'clear_dag_run', 'post_clear_task_instances', 'create_backfill', 'pause_backfill',
  'unpause_backfill', 'cancel_backfill', 'update_hitl_detail', 'create_backfill_dry_run', 'patch_task_instance_dry_run', 'patch_task_instance_dry_run_by_map_index',
  'post_pool', 'patch_pool', 'delete_pool', 'bulk_pools', 'post_variable', 'patch_variable', 'delete_variable', 'bulk_variables', 'post_connection', 'patch_connection', 'delete_connection', 'bulk_connections',
]);

function namesOnly(body: unknown): unknown {
  if (Array.isArray(body)) return body.map(namesOnly);
  if (typeof body === 'string') return maskText(body); // A host may be an address with a password in it.
  if (typeof body !== 'object' || body === null) return body;
  const shown = new Set(['key', 'connection_id', 'conn_type', 'host', 'port', 'schema', 'team_name', 'actions', 'action', 'entities', 'action_on_existence', 'action_on_non_existence']);
  return Object.fromEntries(Object.entries(body).map(([name, value]) => [name, shown.has(name) ? namesOnly(value) : '***']));
}

/** NUL cannot be stored, and an id of a megabyte is none. */
function clip(value: unknown): string | null {
  return typeof value === 'string' ? value.replaceAll('\0', '').slice(0, 250) : null;
}
