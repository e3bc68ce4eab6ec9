import { dagDocumentSchema } from '@millrace/contracts';
import type { DagDocument } from '@millrace/contracts';
import { Filter, readPage } from './paging.js';
import type { Page, PageRequest } from './paging.js';
import { seen } from '../visibility/visible-dags.js';
import type { VisibleDags } from '../visibility/visible-dags.js';
import type { SqlRunner } from './sql-runner.js';

export interface VersionRow {
  readonly id: string;
  readonly dag_id: string;
  readonly dag_display_name: string;
  readonly version_number: number;
  readonly bundle_name: string;
  readonly bundle_hash: string | null;
  /** Which state of its source it was made of: a commit, a revision; null: nothing is known. */
  readonly bundle_version: string | null;
  readonly created_at: Date;
}

/** Documents kept in memory. They never change, so only memory bounds them. */
const DOCUMENTS_KEPT_MAX = 200;

export class VersionsReader {
  readonly #documents = new Map<string, DagDocument>();

  constructor(
    private readonly db: SqlRunner,
    private readonly visible: VisibleDags,
  ) {}

  async list(filter: { readonly dagId?: string | undefined; readonly versionNumber?: number | undefined; readonly bundleName?: string | undefined; readonly bundleVersion?: string | undefined }, page: PageRequest): Promise<Page<VersionRow>> {
    const built = new Filter().visible('v.dag_id', this.visible).when(filter.dagId, 'v.dag_id = ?').when(filter.versionNumber, 'v.version_number = ?').when(filter.bundleName, 'v.bundle_name = ?').when(filter.bundleVersion, 'null = ?::text');
    return readPage<VersionRow>(this.db, { select: COLUMNS, from: FROM, filter: built, order: ORDER, tieBreaker: 'v.id', page });
  }

  async find(dagId: string, versionNumber: number): Promise<VersionRow | null> {
    return (await this.db.query<VersionRow>(`select ${COLUMNS} from ${FROM} where v.dag_id = $1 and v.version_number = $2 and ${seen('v.dag_id', 3)}`, [dagId, versionNumber, this.visible()])).rows[0] ?? null;
  }

  async byId(id: string): Promise<VersionRow | null> {
    return (await this.db.query<VersionRow>(`select ${COLUMNS} from ${FROM} where v.id = $1 and ${seen('v.dag_id', 2)}`, [id, this.visible()])).rows[0] ?? null;
  }

  /** Source text of a version, or of the current one. */
  async source(dagId: string, versionNumber: number | null): Promise<{ readonly source: string; readonly version_number: number } | null> {
    return (await this.db.query<{ source: string; version_number: number }>(SOURCE, [dagId, versionNumber, this.visible()])).rows[0] ?? null;
  }

  /** Documents by version id, for ids found within what the caller may see; kept in memory, because they never change. */
  async documents(ids: readonly string[]): Promise<ReadonlyMap<string, DagDocument>> {
    const found = new Map<string, DagDocument>();
    const missing = new Set<string>();
    for (const id of ids) {
      const kept = this.#documents.get(id);
      if (kept) found.set(id, kept);
      else missing.add(id);
    }
    if (missing.size > 0) {
      const { rows } = await this.db.query<{ id: string; document: unknown }>(`select id, document from dag_version where id = any($1::uuid[])`, [[...missing]]);
      for (const row of rows) {
        const document = dagDocumentSchema.parse(row.document);
        found.set(row.id, document);
        this.#documents.set(row.id, document);
      }
      while (this.#documents.size > DOCUMENTS_KEPT_MAX) this.#documents.delete(this.#documents.keys().next().value!);
    }
    return found;
  }
}

const COLUMNS = `v.id, v.dag_id, coalesce(d.display_name, d.dag_id) as dag_display_name, v.version_number, v.bundle_name, v.bundle_hash, v.bundle_version, v.created_at`;
const FROM = `dag_version v join dag d on d.dag_id = v.dag_id`;
const ORDER = { id: 'v.id', version_number: 'v.version_number', bundle_name: 'v.bundle_name', created_at: 'v.created_at', dag_id: 'v.dag_id' };

const SOURCE = `
select v.source, v.version_number from dag_version v join dag d on d.dag_id = v.dag_id
where v.dag_id = $1 and (case when $2::int is null then v.id = d.current_version_id else v.version_number = $2 end) and ${seen('v.dag_id', 3)}`;
