import type { Queryable, Statement } from '../database/database.js';

export interface ReparseRequest {
  readonly bundleName: string;
  readonly relativeFileloc: string;
}

/** ask-reparse: $1 bundle, $2 file, $3 dags the caller may change, null: all. Nothing when none of them came from it. */
const ASK: Statement = {
  name: 'ask-reparse',
  text: `
with known as (select 1 from dag where bundle_name = $1 and relative_fileloc = $2 and ($3::text[] is null or dag_id = any($3)) limit 1), asked as (
  insert into reparse_request (bundle_name, relative_fileloc) select $1, $2 from known
  on conflict (bundle_name, relative_fileloc) do update set requested_at = now()
)
select 1 from known`,
};
const OPEN: Statement = { name: 'open-reparse', text: `select bundle_name as "bundleName", relative_fileloc as "relativeFileloc" from reparse_request order by requested_at limit 1000` };
const DONE: Statement = { name: 'reparse-done', text: `delete from reparse_request where bundle_name = $1 and relative_fileloc = $2` };

/** Dag files to be read again though they did not change; told to dag-processors with the answers to their heartbeats until one has published the file. */
export class ReparseRequests {
  constructor(private readonly on: Queryable) {}

  /** @returns false when none of the dags comes from such a file. @param dagIds null: every dag */
  async ask({ bundleName, relativeFileloc }: ReparseRequest, dagIds: readonly string[] | null): Promise<boolean> {
    return (await this.on.query(ASK, [bundleName, relativeFileloc, dagIds])).length > 0;
  }

  open(): Promise<ReparseRequest[]> {
    return this.on.query<ReparseRequest & Record<string, unknown>>(OPEN);
  }

  async done({ bundleName, relativeFileloc }: ReparseRequest): Promise<void> {
    await this.on.query(DONE, [bundleName, relativeFileloc]);
  }
}
