import { Filter, readPage } from '../api-reads/paging.js';
import type { Page, PageRequest } from '../api-reads/paging.js';
import type { SqlRunner } from '../api-reads/sql-runner.js';
import { fileSeen } from '../visibility/visible-dags.js';
import type { VisibleDags } from '../visibility/visible-dags.js';

export interface ImportErrorRow {
  readonly id: number;
  readonly bundle_name: string;
  readonly relative_fileloc: string;
  readonly stack_trace: string;
  readonly created_at: Date;
}

/** Files that could not be read. One that never held a dag is seen by those who may see every dag. */
export class ImportErrorsReader {
  constructor(
    private readonly db: SqlRunner,
    private readonly visible: VisibleDags,
  ) {}

  list(pattern: string | undefined, page: PageRequest): Promise<Page<ImportErrorRow>> {
    return readPage<ImportErrorRow>(this.db, { select: COLUMNS, from: 'import_error e', filter: this.#seen().pattern('e.relative_fileloc', pattern), order: ORDER, tieBreaker: 'e.id', page });
  }

  async find(id: number): Promise<ImportErrorRow | null> {
    const built = this.#seen().and('e.id = ?', id);
    return (await this.db.query<ImportErrorRow>(`select ${COLUMNS} from import_error e ${built.where}`, built.values)).rows[0] ?? null;
  }

  #seen(): Filter {
    const built = new Filter();
    built.value(this.visible());
    return built.and(fileSeen('e', 1));
  }
}

const COLUMNS = 'e.id::int, e.bundle_name, e.relative_fileloc, e.stack_trace, e.created_at';
const ORDER = { id: 'e.id', import_error_id: 'e.id', timestamp: 'e.created_at', filename: 'e.relative_fileloc', bundle_name: 'e.bundle_name', stacktrace: 'e.stack_trace' };
