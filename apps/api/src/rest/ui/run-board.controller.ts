import { Controller, Inject, Param } from '@nestjs/common';
import { z } from 'zod';
import type { DagDocument } from '@millrace/contracts';
import { BackfillOverviewReader, RunBoardReader, VersionsReader } from '@millrace/persistence';
import { MillraceError, RUN_STATES, RUN_TYPES } from '@millrace/vocabulary';
import { instantText } from '../answers.js';
import { Lookups } from '../lookups.js';
import type { Answer } from '../openapi/answer-schemas.js';
import { Answers, Route } from '../openapi/operation.js';
import { query } from '../validation/fields.js';
import { ValidQuery } from '../validation/schema-pipe.js';
import { boardOf } from './board.js';
import { backfillOverviewCollection, board, calendar, durations, runTasks, structure } from './ui-schemas.js';
import type { StructureAnswer } from './ui-schemas.js';

const list = <T extends z.ZodType>(item: T) => z.preprocess((value) => (value === undefined ? undefined : Array.isArray(value) ? value : [value]), z.array(item).optional());
const boardQuery = z.object({ before: query.instant, limit: z.coerce.number().int().min(1).max(400).default(60), state: list(z.enum(RUN_STATES)), run_type: list(z.enum(RUN_TYPES)) });
const structureQuery = z.object({ version: query.integer });
const calendarQuery = z.object({ from: query.instant, to: query.instant, zone: z.string().max(100).default('UTC') });
const durationsQuery = z.object({ runs: z.coerce.number().int().min(1).max(500).default(50) });
const backfillsQuery = z.object({ dag_id: query.text, limit: z.coerce.number().int().min(1).max(200).default(50), offset: z.coerce.number().int().min(0).default(0) });

/** What the views of one dag draw. */
@Controller()
export class RunBoardController {
  constructor(
    @Inject(RunBoardReader) private readonly board: RunBoardReader,
    @Inject(BackfillOverviewReader) private readonly backfills: BackfillOverviewReader,
    @Inject(VersionsReader) private readonly versions: VersionsReader,
    @Inject(Lookups) private readonly lookups: Lookups,
  ) {}

  /** Tasks, groups and arrows of a version; of the newest one without a number. */
  @Route('GET', '/api/millrace/v1/ui/dags/:dag_id/structure', { action: 'read', resource: 'dag' })
  @Answers(structure)
  async getStructure(@Param('dag_id') dagId: string, @ValidQuery(structureQuery) values: z.infer<typeof structureQuery>): Promise<Answer<typeof structure>> {
    const dag = await this.lookups.dag(dagId);
    if (values.version === undefined) return toStructure(await this.lookups.currentDocument(dag));
    const version = await this.versions.find(dagId, values.version);
    if (version === null) throw new MillraceError('not_found', `Dag ${dagId} has no version ${values.version}`);
    return toStructure(await this.lookups.document(version.id, dagId));
  }

  /** Runs × tasks: each run with one letter per task of `tasks`, newest first. */
  @Route('GET', '/api/millrace/v1/ui/dags/:dag_id/board', { action: 'read', resource: 'task_instance' })
  @Answers(board)
  async getBoard(@Param('dag_id') dagId: string, @ValidQuery(boardQuery) values: z.infer<typeof boardQuery>): Promise<Answer<typeof board>> {
    await this.lookups.dag(dagId);
    return boardOf(await this.board.runs({ dagId, before: values.before, states: values.state, runTypes: values.run_type, limit: values.limit }), values.limit);
  }

  /** The tasks of one run, mapped instances summed up. */
  @Route('GET', '/api/millrace/v1/ui/dags/:dag_id/dagRuns/:dag_run_id/tasks', { action: 'read', resource: 'task_instance' })
  @Answers(runTasks)
  async getTasks(@Param('dag_id') dagId: string, @Param('dag_run_id') runId: string): Promise<Answer<typeof runTasks>> {
    const run = await this.lookups.run(dagId, runId);
    const rows = await this.board.tasks(dagId, runId);
    return {
      run: {
        run_id: run.run_id, state: run.state, run_type: run.run_type, run_after: instantText(run.run_after), logical_date: instantText(run.logical_date),
        data_interval_start: instantText(run.data_interval_start), data_interval_end: instantText(run.data_interval_end), queued_at: instantText(run.queued_at),
        start_date: instantText(run.start_date), end_date: instantText(run.end_date), reason: run.reason, note: run.note, conf: run.conf, version_number: run.version_number,
        triggered_by: run.triggered_by, triggering_user_name: run.triggering_user_name, partition_key: run.partition_key, result: run.result ?? null,
      },
      tasks: rows.map((row) => ({
        ...row, scheduled_at: instantText(row.scheduled_at), queued_at: instantText(row.queued_at), start_date: instantText(row.start_date), end_date: instantText(row.end_date),
      })),
    };
  }

  @Route('GET', '/api/millrace/v1/ui/dags/:dag_id/calendar', { action: 'read', resource: 'dag_run' })
  @Answers(calendar)
  async getCalendar(@Param('dag_id') dagId: string, @ValidQuery(calendarQuery) values: z.infer<typeof calendarQuery>): Promise<Answer<typeof calendar>> {
    await this.lookups.dag(dagId);
    if (!isZone(values.zone)) throw new MillraceError('bad_request', `"${values.zone}" is not a time zone; name one like Europe/Berlin or UTC`);
    const to = values.to ?? new Date(Date.now() + 86_400_000);
    return { days: await this.board.days(dagId, values.zone, values.from ?? new Date(to.getTime() - 371 * 86_400_000), to) };
  }

  @Route('GET', '/api/millrace/v1/ui/dags/:dag_id/durations', { action: 'read', resource: 'task_instance' })
  @Answers(durations)
  async getDurations(@Param('dag_id') dagId: string, @ValidQuery(durationsQuery) values: z.infer<typeof durationsQuery>): Promise<Answer<typeof durations>> {
    await this.lookups.dag(dagId);
    return { tasks: await this.board.durations(dagId, values.runs) };
  }

  @Route('GET', '/api/millrace/v1/ui/backfills', { action: 'read', resource: 'backfill' })
  @Answers(backfillOverviewCollection)
  async getBackfills(@ValidQuery(backfillsQuery) values: z.infer<typeof backfillsQuery>): Promise<Answer<typeof backfillOverviewCollection>> {
    const rows = await this.backfills.list(values.dag_id ?? null, values.limit, values.offset);
    const backfills = rows.map((row) => ({
      ...row, total: undefined, from_date: instantText(row.from_date), to_date: instantText(row.to_date), created_at: instantText(row.created_at),
      completed_at: instantText(row.completed_at), cancelled_at: instantText(row.cancelled_at),
    }));
    return { backfills, total_entries: rows[0]?.total ?? 0 };
  }
}

function toStructure(document: DagDocument): StructureAnswer {
  return {
    tasks: document.tasks.map((task) => ({
      id: task.taskId, label: task.displayName ?? task.taskId, operator: task.operator, upstream: task.upstream, group: task.group, rule: task.triggerRule,
      mapped: task.expand !== null, setup: task.isSetup, teardown: task.isTeardown, sensor: task.isSensor, queue: task.queue, pool: task.pool, retries: task.retries,
      doc: task.docMd, defined_at: task.definedAt, inlets: task.inlets.map((asset) => asset.name), outlets: task.outlets.map((asset) => asset.name),
    })),
    groups: document.groups.map((group) => ({ id: group.groupId, label: group.label ?? group.groupId.split('.').at(-1)!, parent: group.parent, tooltip: group.tooltip, mapped: group.expand !== null })),
    edge_labels: document.edgeLabels,
    schedule: document.schedule,
  };
}

function isZone(zone: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: zone }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}
