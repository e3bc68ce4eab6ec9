import { Controller, Inject } from '@nestjs/common';
import { z } from 'zod';
import { PoolWarningsReader } from '@millrace/persistence';
import type { PoolWarningRow } from '@millrace/persistence';
import { instantText } from '../answers.js';
import { Operation } from '../openapi/operation.js';
import type { AnswerTo } from '../openapi/operations.js';
import { PAGE_LIMIT_MAX } from '../tokens.js';
import { pageFields, query } from '../validation/fields.js';
import { ValidQuery } from '../validation/schema-pipe.js';
import type { DagWarningAnswer } from './warning-schemas.js';

const warningsQuery = z.object({ ...pageFields('dag_id'), dag_id: query.text, warning_type: query.text });
/** Airflow's three types are a closed list for its clients; a pool that is too small for a task is told under the nearest. */
const NO_POOL = 'non-existent pool';

/** What would fail when it ran, as of now: nothing is stored. */
@Controller()
export class DagWarningsController {
  constructor(
    @Inject(PoolWarningsReader) private readonly warnings: PoolWarningsReader,
    @Inject(PAGE_LIMIT_MAX) private readonly pageLimitMax: number,
  ) {}

  @Operation('list_dag_warnings')
  async list(@ValidQuery(warningsQuery) values: z.infer<typeof warningsQuery>): Promise<AnswerTo<'list_dag_warnings'>> {
    const rows = (await this.warnings.all(values.dag_id ?? null)).map(toResponse).filter((row) => values.warning_type === undefined || row.warning_type === values.warning_type);
    const { offset = 0, limit = 50 } = values as { offset?: number; limit?: number };
    return { dag_warnings: rows.slice(offset, offset + Math.min(limit, this.pageLimitMax)), total_entries: rows.length };
  }
}

function toResponse(row: PoolWarningRow): DagWarningAnswer {
  return {
    dag_id: row.dag_id,
    warning_type: NO_POOL,
    message: row.slots === null
      ? `Task "${row.task_id}" names pool "${row.pool}", which does not exist: it will fail. Make the pool, or name another.`
      : row.is_foreign ? `Task "${row.task_id}" names pool "${row.pool}", which belongs to another team: it will fail. Name another pool, or leave this one to everybody.`
      : `Task "${row.task_id}" needs ${row.pool_slots} slots of pool "${row.pool}", which has ${row.slots}: it will fail. Give the pool more, or the task fewer.`,
    timestamp: instantText(row.since),
    dag_display_name: row.display_name ?? row.dag_id,
  };
}
