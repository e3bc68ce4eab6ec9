import { Controller, Inject, Param } from '@nestjs/common';
import { z } from 'zod';
import { XComsReader } from '@millrace/persistence';
import type { XComRow } from '@millrace/persistence';
import { MillraceError, XCOM_MAX_BYTES, mapIndexOf } from '@millrace/vocabulary';
import { instantText } from '../answers.js';
import { Lookups } from '../lookups.js';
import { Operation } from '../openapi/operation.js';
import type { AnswerTo } from '../openapi/operations.js';
import { PAGE_LIMIT_MAX } from '../tokens.js';
import { pageFields, pageOf, query, rangeFields, rangeOf } from '../validation/fields.js';
import { ValidBody, ValidQuery } from '../validation/schema-pipe.js';
import { mapIndexQuery } from '../task-instances/task-instances.controller.js';
import type { XcomAnswer } from './xcom-schemas.js';

const listQuery = z.object({
  ...pageFields(''),
  xcom_key: query.text,
  map_index: query.integer,
  map_index_filter: query.integer,
  xcom_key_pattern: query.text,
  dag_display_name_pattern: query.text,
  run_id_pattern: query.text,
  task_id_pattern: query.text,
  ...rangeFields(['logical_date', 'run_after'], query.instant),
});
const entryQuery = mapIndexQuery.extend({ deserialize: query.boolean, stringify: query.boolean });
const createBody = z.strictObject({ key: z.string().min(1).max(512), value: z.unknown(), map_index: z.number().int().default(-1) });
const updateBody = z.strictObject({ value: z.unknown(), map_index: z.number().int().default(-1) });

@Controller()
export class XComsController {
  constructor(
    @Inject(XComsReader) private readonly xcoms: XComsReader,
    @Inject(Lookups) private readonly lookups: Lookups,
    @Inject(PAGE_LIMIT_MAX) private readonly pageLimitMax: number,
  ) {}

  @Operation('get_xcom_entries')
  async getEntries(@Param('dag_id') dagId: string, @Param('dag_run_id') runId: string, @Param('task_id') taskId: string, @ValidQuery(listQuery) values: z.infer<typeof listQuery>): Promise<AnswerTo<'get_xcom_entries'>> {
    await this.#checkNames(dagId, runId, taskId);
    const page = await this.xcoms.list(
      {
        dagId: anyOr(dagId),
        runId: anyOr(runId),
        taskId: anyOr(taskId),
        key: values.xcom_key,
        mapIndex: values.map_index ?? values.map_index_filter,
        keyPattern: values.xcom_key_pattern,
        displayNamePattern: values.dag_display_name_pattern,
        runIdPattern: values.run_id_pattern,
        taskIdPattern: values.task_id_pattern,
        logicalDate: rangeOf(values, 'logical_date'),
        runAfter: rangeOf(values, 'run_after'),
      },
      pageOf(values, this.pageLimitMax),
    );
    return { xcom_entries: await Promise.all(page.rows.map((row) => this.#response(row))), total_entries: page.total };
  }

  @Operation('get_xcom_entry')
  async getEntry(@Param('dag_id') dagId: string, @Param('dag_run_id') runId: string, @Param('task_id') taskId: string, @Param('xcom_key') key: string, @ValidQuery(entryQuery) values: z.infer<typeof entryQuery>): Promise<AnswerTo<'get_xcom_entry'>> {
    const found = await this.#find(dagId, runId, taskId, values.map_index, key);
    return { ...(await this.#response(found)), value: values.stringify ? JSON.stringify(found.value) : found.value };
  }

  @Operation('create_xcom_entry')
  async createEntry(@Param('dag_id') dagId: string, @Param('dag_run_id') runId: string, @Param('task_id') taskId: string, @ValidBody(createBody) body: z.infer<typeof createBody>): Promise<AnswerTo<'create_xcom_entry'>> {
    const instance = await this.lookups.startedInstance(dagId, runId, taskId, body.map_index);
    checkSize(body.value);
    if (!(await this.xcoms.write(instance.id, body.key, body.value, false))) {
      throw new MillraceError('conflict', `The XCom with key: \`${body.key}\` with mentioned task instance already exists.`);
    }
    return this.getEntry(dagId, runId, taskId, body.key, { map_index: body.map_index });
  }

  @Operation('update_xcom_entry')
  async updateEntry(@Param('dag_id') dagId: string, @Param('dag_run_id') runId: string, @Param('task_id') taskId: string, @Param('xcom_key') key: string, @ValidBody(updateBody) body: z.infer<typeof updateBody>): Promise<AnswerTo<'update_xcom_entry'>> {
    const instance = await this.lookups.instance(dagId, runId, taskId, body.map_index);
    checkSize(body.value);
    if (!(await this.xcoms.write(instance.id, key, body.value, true))) throw missing(key, dagId, runId, taskId);
    return this.getEntry(dagId, runId, taskId, key, { map_index: body.map_index });
  }

  @Operation('delete_xcom_entry')
  async deleteEntry(@Param('dag_id') dagId: string, @Param('dag_run_id') runId: string, @Param('task_id') taskId: string, @Param('xcom_key') key: string, @ValidQuery(mapIndexQuery) values: z.infer<typeof mapIndexQuery>): Promise<void> {
    const instance = await this.lookups.instance(dagId, runId, taskId, values.map_index);
    if (!(await this.xcoms.remove(instance.id, key))) throw missing(key, dagId, runId, taskId);
  }

  /** A name that nothing has is a 404; `~` stands for any. */
  async #checkNames(dagId: string, runId: string, taskId: string): Promise<void> {
    if (dagId === '~') return;
    if (runId === '~') {
      await this.lookups.dag(dagId);
      return;
    }
    await this.lookups.run(dagId, runId);
    if (taskId !== '~') await this.lookups.task(dagId, runId, taskId);
  }

  async #find(dagId: string, runId: string, taskId: string, mapIndex: number, key: string) {
    const found = await this.xcoms.find(dagId, runId, taskId, mapIndex, key);
    if (found === null) throw missing(key, dagId, runId, taskId);
    return found;
  }

  async #response(row: XComRow): Promise<XcomAnswer> {
    const document = await this.lookups.document(row.dag_version_id, row.dag_id);
    return {
      key: row.key,
      timestamp: instantText(row.created_at),
      logical_date: instantText(row.logical_date),
      map_index: mapIndexOf(row.index_path),
      task_id: row.task_id,
      dag_id: row.dag_id,
      run_id: row.run_id,
      dag_display_name: row.dag_display_name,
      task_display_name: document.tasks.find((task) => task.taskId === row.task_id)?.displayName ?? row.task_id,
      run_after: instantText(row.run_after),
    };
  }
}

function missing(key: string, dagId: string, runId: string, taskId: string): MillraceError {
  return new MillraceError('not_found', `XCom entry with key: \`${key}\` not found (dag_id: \`${dagId}\`, run_id: \`${runId}\`, task_id: \`${taskId}\`)`);
}

function checkSize(value: unknown): void {
  const bytes = Buffer.byteLength(JSON.stringify(value ?? null));
  if (bytes > XCOM_MAX_BYTES) throw new MillraceError('too_large', `An XCom value may have ${XCOM_MAX_BYTES} bytes of JSON, this one has ${bytes}`);
}

function anyOr(id: string): string | undefined {
  return id === '~' ? undefined : id;
}
