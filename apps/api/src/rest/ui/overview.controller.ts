import { Controller, Inject } from '@nestjs/common';
import { z } from 'zod';
import type { Actor } from '@millrace/access';
import { AttentionReader, DagOverviewReader, Database, Maintenance, ServicesReader } from '@millrace/persistence';
import { instantText } from '../answers.js';
import { maintenanceAnswer } from '../maintenance/maintenance.controller.js';
import type { Answer } from '../openapi/answer-schemas.js';
import { Answers, Route } from '../openapi/operation.js';
import { CurrentActor } from '../security/token.guard.js';
import { query } from '../validation/fields.js';
import { ValidQuery } from '../validation/schema-pipe.js';
import { dagOverviewCollection, facets, home } from './ui-schemas.js';

const dagsQuery = z.object({
  search: query.text, tags: query.texts, owners: query.texts, paused: query.boolean, favorites: query.boolean, import_errors: query.boolean,
  state: z.enum(['queued', 'running', 'success', 'failed']).optional(), order: z.enum(['name', 'last_run', 'next_run']).default('name'),
  limit: z.coerce.number().int().min(1).max(200).default(50), offset: z.coerce.number().int().min(0).default(0),
});
const homeQuery = z.object({ hours: z.coerce.number().int().min(1).max(168).default(24) });
const SHOWN = 12;
/** Without these nothing moves; the others may be absent by choice. */
const NEEDED = ['api', 'scheduler', 'dag-processor'] as const;

/** What the UI's first pages show, each with one statement. */
@Controller()
export class OverviewController {
  constructor(
    @Inject(DagOverviewReader) private readonly dags: DagOverviewReader,
    @Inject(AttentionReader) private readonly attention: AttentionReader,
    @Inject(ServicesReader) private readonly services: ServicesReader,
    @Inject(Database) private readonly database: Database,
  ) {}

  @Route('GET', '/api/millrace/v1/ui/dags', { action: 'read', resource: 'dag' })
  @Answers(dagOverviewCollection)
  async getDags(@ValidQuery(dagsQuery) values: z.infer<typeof dagsQuery>, @CurrentActor() actor: Actor): Promise<Answer<typeof dagOverviewCollection>> {
    const page = await this.dags.list({ ...values, user: actor.name, importErrors: values.import_errors });
    const dags = page.rows.map((row) => ({ ...row, place: undefined, total: undefined, next_run_after: instantText(row.next_run_after), next_logical_date: instantText(row.next_logical_date) }));
    return { dags, total_entries: page.total };
  }

  @Route('GET', '/api/millrace/v1/ui/facets', { action: 'read', resource: 'dag' })
  @Answers(facets)
  getFacets(): Promise<Answer<typeof facets>> {
    return this.dags.facets();
  }

  @Route('GET', '/api/millrace/v1/ui/home', { action: 'read', resource: 'dag_run' })
  @Answers(home)
  async getHome(@ValidQuery(homeQuery) values: z.infer<typeof homeQuery>): Promise<Answer<typeof home>> {
    const [attention, beats, workers, maintenance] = await Promise.all([
      this.attention.read(values.hours, SHOWN),
      this.services.latestBeats(),
      this.services.sessions({ states: ['active', 'draining'] }, { limit: 200, offset: 0, orderBy: ['worker_name'] }),
      new Maintenance(this.database).state(),
    ]);
    const kinds = [...new Set([...NEEDED, ...beats.keys()])];
    return {
      ...attention,
      maintenance: maintenanceAnswer(maintenance),
      services: kinds.map((kind) => ({ kind, alive: beats.get(kind)?.alive ?? false, last_beat_at: instantText(beats.get(kind)?.at ?? null) })),
      workers: { count: workers.total, slots: sum(workers.rows.map((row) => row.slots)), free_slots: sum(workers.rows.map((row) => row.free_slots)) },
    };
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((all, one) => all + one, 0);
}
