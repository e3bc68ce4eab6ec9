import type { PluginDocument } from '@millrace/contracts';
import type { Queryable, Statement } from '../database/database.js';

/** What a dag-processor says of one module. */
export interface ReportedPlugin {
  readonly source: string;
  /** null: it is broken. */
  readonly document: PluginDocument | null;
  readonly error: { readonly text: string; readonly file: string; readonly line: number } | null;
  /** Of a plugin with routes. */
  readonly code: Uint8Array | null;
  readonly codeHash: string | null;
}

export interface StoredPlugin {
  readonly source: string;
  readonly document: PluginDocument | null;
  readonly error: string | null;
  readonly errorFile: string | null;
  readonly errorLine: number | null;
  readonly codeHash: string | null;
  readonly seenAt: Date;
}

export interface PluginCode {
  readonly name: string;
  readonly code: Buffer;
  readonly hash: string;
}

/**
 * report-plugins: all plugins of a dags folder as they are now; those that are not named go. $1 bundle; $2 a JSON list of rows; $3 bytea[] their code, by
 * place in that list.
 */
const REPORT: Statement = {
  name: 'report-plugins',
  text: `
with told as (
  select t.*, c.code from jsonb_to_recordset($2::jsonb) as t(place int, source text, name text, document jsonb, error text, error_file text, error_line int, code_hash text)
  left join unnest($3::bytea[]) with ordinality as c(code, place) on c.place = t.place
), gone as (
  delete from plugin p where p.bundle_name = $1 and not exists (select from told t where t.source = p.source)
)
insert into plugin (bundle_name, source, name, document, error, error_file, error_line, code, code_hash)
select $1, source, name, document, error, error_file, error_line, case when code_hash is null then null else code end, code_hash from told
on conflict (bundle_name, source) do update set name = excluded.name, document = excluded.document, error = excluded.error, error_file = excluded.error_file, error_line = excluded.error_line,
  code = excluded.code, code_hash = excluded.code_hash, seen_at = now()`,
};

/** list-plugins: one row for each module, however many dags folders it was found for. */
const LIST: Statement = {
  name: 'list-plugins',
  text: `
select distinct on (source, document::text, error) source, document, error, error_file as "errorFile", error_line as "errorLine", code_hash as "codeHash", seen_at as "seenAt"
from plugin order by source, document::text, error, seen_at desc`,
};

/** plugin-code: the routes of a plugin. $1 name */
const CODE: Statement = { name: 'plugin-code', text: `select name, code, code_hash as hash from plugin where name = $1 and code_hash is not null order by source, bundle_name limit 1` };
/** plugin-code-hash: what is cheap to ask before each request. $1 name */
const HASH: Statement = { name: 'plugin-code-hash', text: `select code_hash as hash from plugin where name = $1 and code_hash is not null order by source, bundle_name limit 1` };

/** What plugins folders hold, as dag-processors have found it. */
export class Plugins {
  constructor(private readonly on: Queryable) {}

  async report(bundleName: string, plugins: readonly ReportedPlugin[]): Promise<void> {
    const rows = plugins.map(({ source, document, error, codeHash }, index) => ({
      place: index + 1, source, name: document?.name ?? null, document, error: error?.text ?? null, error_file: error?.file ?? null, error_line: error?.line ?? null, code_hash: codeHash,
    }));
    const codes = `{${plugins.map(({ code }) => `"\\\\x${Buffer.from(code ?? new Uint8Array()).toString('hex')}"`).join(',')}}`;
    await this.on.query(REPORT, [bundleName, JSON.stringify(rows), codes]);
  }

  list(): Promise<StoredPlugin[]> {
    return this.on.query<StoredPlugin & Record<string, unknown>>(LIST, []);
  }

  /** null: there is none, or it has no routes. */
  async hashOf(name: string): Promise<string | null> {
    return (await this.on.query<{ hash: string }>(HASH, [name]))[0]?.hash ?? null;
  }

  async codeOf(name: string): Promise<PluginCode | null> {
    return (await this.on.query<PluginCode & Record<string, unknown>>(CODE, [name]))[0] ?? null;
  }
}
