import { setTimeout as delay } from 'node:timers/promises';
import { Readable } from 'node:stream';
import { Controller, Inject, Param, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { XComsReader } from '@millrace/persistence';
import { Lookups } from '../lookups.js';
import { Operation } from '../openapi/operation.js';
import { scoped } from '../security/request-scope.js';
import { query } from '../validation/fields.js';
import { ValidQuery } from '../validation/schema-pipe.js';

/** Longest pause between two looks, seconds. */
const INTERVAL_MAX_SECONDS = 3_600;
const waitQuery = z.object({ interval: z.coerce.number().gt(0).max(INTERVAL_MAX_SECONDS), result: query.texts });

/** Follows a run to its end: a line of JSON for each look at it. */
@Controller()
export class WaitController {
  constructor(
    @Inject(Lookups) private readonly lookups: Lookups,
    @Inject(XComsReader) private readonly xcoms: XComsReader,
  ) {}

  @Operation('wait_dag_run_until_finished')
  async wait(@Param('dag_id') dagId: string, @Param('dag_run_id') runId: string, @ValidQuery(waitQuery) values: z.infer<typeof waitQuery>, @Res() reply: FastifyReply): Promise<void> {
    await this.lookups.run(dagId, runId);
    const gone = new AbortController();
    reply.raw.once('close', () => gone.abort());
    await reply.type('application/x-ndjson').send(Readable.from(scoped(this.#lines(dagId, runId, values, gone.signal))));
  }

  async *#lines(dagId: string, runId: string, values: z.infer<typeof waitQuery>, gone: AbortSignal): AsyncGenerator<string> {
    while (!gone.aborted) {
      const { state } = await this.lookups.run(dagId, runId);
      if (state === 'success' || state === 'failed') {
        const results = await this.#results(dagId, runId, values.result ?? []);
        yield `${JSON.stringify(values.result === undefined ? { state } : { state, results })}\n`;
        return;
      }
      yield `${JSON.stringify({ state })}\n`;
      await delay(values.interval * 1_000, undefined, { signal: gone }).catch(() => undefined);
    }
  }

  async #results(dagId: string, runId: string, taskIds: readonly string[]): Promise<Record<string, unknown>> {
    const found = await Promise.all(taskIds.map(async (taskId) => [taskId, (await this.xcoms.find(dagId, runId, taskId, -1, 'return_value'))?.value ?? null] as const));
    return Object.fromEntries(found);
  }
}
