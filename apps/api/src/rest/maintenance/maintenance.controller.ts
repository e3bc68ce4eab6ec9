import { Controller, Inject, Param } from '@nestjs/common';
import { z } from 'zod';
import type { Actor } from '@millrace/access';
import { Database, Maintenance } from '@millrace/persistence';
import type { MaintenanceState } from '@millrace/persistence';
import type { Commands } from '@millrace/scheduling';
import { instantText } from '../answers.js';
import type { Answer } from '../openapi/answer-schemas.js';
import { Answers, AuditedByCommand, Route } from '../openapi/operation.js';
import { CurrentActor } from '../security/token.guard.js';
import { COMMANDS } from '../tokens.js';
import { ValidBody } from '../validation/schema-pipe.js';
import { changedMaintenance, drainedWorkers, maintenance } from './maintenance-schemas.js';
import type { MaintenanceAnswer } from './maintenance-schemas.js';

const REASON_MAX = 500;
const maintenanceBody = z.strictObject({ active: z.boolean(), reason: z.string().trim().max(REASON_MAX, `Reason length exceeds the maximum of ${REASON_MAX} characters`).nullish() });
const nothing = z.strictObject({}).default({});

/** What the api says of maintenance, here and on the pages of the web UI. */
export function maintenanceAnswer({ active, reason, byUser, since, running, queued, runsQueued }: MaintenanceState): MaintenanceAnswer {
  return {
    active, reason: active ? reason : null, by: byUser, since: instantText(since),
    running_tasks: running, queued_tasks: queued, queued_runs: runsQueued,
    // From here on nothing runs, and nothing will until it is switched off.
    settled: active && running === 0,
  };
}

/** Holding everything for a while, and emptying single workers. */
@Controller()
export class MaintenanceController {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(COMMANDS) private readonly commands: Commands,
  ) {}

  /** Everybody who is logged in may see why nothing starts. */
  @Route('GET', '/api/millrace/v1/maintenance', { action: 'read', resource: 'health' })
  @Answers(maintenance)
  async read(): Promise<Answer<typeof maintenance>> {
    return maintenanceAnswer(await new Maintenance(this.database).state());
  }

  @AuditedByCommand()
  @Route('PUT', '/api/millrace/v1/maintenance', { action: 'edit', resource: 'config' })
  @Answers(changedMaintenance)
  async write(@ValidBody(maintenanceBody) body: z.infer<typeof maintenanceBody>, @CurrentActor() actor: Actor): Promise<Answer<typeof changedMaintenance>> {
    const changed = await this.commands.maintenance.set(body.active, body.reason || null, actor.name);
    return { ...maintenanceAnswer(await new Maintenance(this.database).state()), changed };
  }

  /** The worker takes nothing new, finishes what it runs within its grace, and its process ends. */
  @AuditedByCommand()
  @Route('POST', '/api/millrace/v1/workers/:worker_name/drain', { action: 'edit', resource: 'worker' }, 202)
  @Answers(drainedWorkers)
  async drain(@Param('worker_name') workerName: string, @ValidBody(nothing) _body: object, @CurrentActor() actor: Actor): Promise<Answer<typeof drainedWorkers>> {
    const workers = await this.commands.maintenance.drain(workerName, actor.name);
    return {
      workers: workers.map((row) => ({
        session_id: row.id, worker_name: row.workerName, state: row.state, slots: row.slots, free_slots: row.freeSlots, running_tasks: row.running,
        drain_asked_at: instantText(row.drainAskedAt), drain_asked_by: row.drainAskedBy,
      })),
    };
  }
}
