import type { Queryable, Statement } from '../database/database.js';

export type DagSourceKind = 'document' | 'bundle';
export type RevisionState = 'uploading' | 'checking' | 'ready' | 'refused';

export interface SourceFile {
  /** Relative, with `/`. */
  readonly path: string;
  /** sha-256 hex. */
  readonly hash: string;
  /** Bytes. */
  readonly size: number;
}

/** Why a revision was refused, one place each. */
export interface SourceProblem {
  /** In the document, e.g. `tasks[2].options`; empty: nothing finer is known. */
  readonly path: string;
  readonly message: string;
  readonly file: string;
  /** From 1; 0 when unknown. */
  readonly line: number;
  readonly column: number;
}

/** Dag ids, sorted. */
export interface SourceChanges {
  readonly added: readonly string[];
  readonly changed: readonly string[];
  readonly removed: readonly string[];
}

export interface StoredSource {
  readonly id: string;
  readonly kind: DagSourceKind;
  readonly name: string;
  readonly activeRevision: number | null;
  readonly lastRevision: number;
}

export interface StoredRevision {
  readonly sourceId: string;
  readonly revision: number;
  readonly state: RevisionState;
  readonly activates: boolean;
  readonly files: readonly SourceFile[];
  readonly contentHash: string;
  readonly problems: readonly SourceProblem[];
  readonly changes: SourceChanges | null;
  readonly note: string | null;
  readonly createdBy: string | null;
  readonly createdAt: Date;
  readonly checkedAt: Date | null;
  readonly activatedAt: Date | null;
}

export interface StoredOutcome {
  readonly path: string;
  readonly bundleHash: string;
  readonly source: string;
  /** JSON texts of dag documents. */
  readonly documents: readonly string[];
  readonly timetables: readonly unknown[];
  readonly parseDurationMs: number;
}

/** A processor that says nothing for so long loses what it was handed. */
const SILENT_FOR = `interval '90 seconds'`;

const SOURCE = `s.id::text as id, s.kind, s.name, s.active_revision as "activeRevision", s.last_revision as "lastRevision"`;
const REVISION = `r.source_id::text as "sourceId", r.revision, r.state, r.activates, r.files, r.content_hash as "contentHash", r.problems, r.changes, r.note, r.created_by as "createdBy", r.created_at as "createdAt", r.checked_at as "checkedAt", r.activated_at as "activatedAt"`;

const FIND: Statement = { name: 'find-dag-source', text: `select ${SOURCE} from dag_source s where s.kind = $1 and s.name = $2` };
const LOCK: Statement = { name: 'lock-dag-source', text: `select ${SOURCE} from dag_source s where s.id = $1 for update` };
const CREATE: Statement = { name: 'create-dag-source', text: `insert into dag_source (kind, name) values ($1, $2) on conflict (kind, name) do nothing` };
const LIST: Statement = {
  name: 'list-dag-sources',
  text: `select ${SOURCE}, (count(*) over ())::int as total from dag_source s where s.kind = $1 and s.name not like '~%' and ($4::text[] is null or s.name = any ($4)) and s.last_revision > 0 and (s.kind = 'bundle' or s.active_revision is not null
    or exists (select from dag_source_revision r where r.source_id = s.id and r.revision = s.last_revision and r.state <> 'ready')) order by s.name limit $2 offset $3`,
};
const NEXT_REVISION: Statement = { name: 'next-dag-source-revision', text: `update dag_source set last_revision = last_revision + 1 where id = $1 returning last_revision as revision` };
const ADD_REVISION: Statement = {
  name: 'add-dag-source-revision',
  text: `insert into dag_source_revision (source_id, revision, state, activates, files, content_hash, note, created_by) values ($1, $2, $3, $4, $5, $6, $7, $8)`,
};
const ONE_REVISION: Statement = { name: 'dag-source-revision', text: `select ${REVISION} from dag_source_revision r where r.source_id = $1 and r.revision = $2` };
const REVISIONS: Statement = { name: 'dag-source-revisions', text: `select ${REVISION}, (count(*) over ())::int as total from dag_source_revision r where r.source_id = $1 order by r.revision desc limit $2 offset $3` };
const SET_STATE: Statement = {
  name: 'set-dag-source-state',
  text: `update dag_source_revision set state = $3, problems = $4, changes = coalesce($5::jsonb, changes), taken_at = null, taken_by = null, checked_at = case when $3 in ('ready', 'refused') then now() else checked_at end where source_id = $1 and revision = $2`,
};
const ADD_PROBLEM: Statement = { name: 'add-dag-source-problem', text: `update dag_source_revision set problems = problems || $3::jsonb where source_id = $1 and revision = $2 and jsonb_array_length(problems) < 200` };
const DELETE_REVISION: Statement = { name: 'delete-dag-source-revision', text: `delete from dag_source_revision where source_id = $1 and revision = $2` };
const ACTIVATE: Statement = {
  name: 'activate-dag-source',
  text: `with active as (update dag_source set active_revision = $2 where id = $1) update dag_source_revision set activated_at = now() where source_id = $1 and revision = $2`,
};
const DELETE_SOURCE: Statement = { name: 'delete-dag-source', text: `delete from dag_source where id = $1` };
const FORGET_REVISIONS: Statement = { name: 'forget-dag-source-revisions', text: `with none as (update dag_source set active_revision = null where id = $1) delete from dag_source_revision where source_id = $1` };
/** Of checks whose api died. */
const DELETE_OLD_CHECKS: Statement = { name: 'delete-old-dag-source-checks', text: `delete from dag_source where kind = 'document' and name like '~%' and created_at < now() - interval '1 hour'` };
/** What was taken by a silent processor begins anew, without what that one had told. */
const TAKE: Statement = {
  name: 'take-dag-source',
  text: `
with next as (
  select source_id, revision from dag_source_revision where state = 'checking' and (taken_at is null or taken_at < clock_timestamp() - ${SILENT_FOR})
  order by created_at limit 1 for update skip locked
), cleared as (
  delete from dag_source_outcome o using next n where o.source_id = n.source_id and o.revision = n.revision
), taken as (
  update dag_source_revision r set taken_at = clock_timestamp(), taken_by = $1, problems = '[]' from next n where r.source_id = n.source_id and r.revision = n.revision returning r.source_id, r.revision, r.files
)
select t.source_id::text as "sourceId", t.revision, t.files, s.kind, s.name from taken t join dag_source s on s.id = t.source_id`,
};
const HOLD: Statement = {
  name: 'hold-dag-source',
  text: `update dag_source_revision set taken_at = clock_timestamp() where source_id = $1 and revision = $2 and taken_by = $3 and state = 'checking' returning revision`,
};
const MISSING_BLOBS: Statement = { name: 'missing-dag-source-blobs', text: `select wanted.hash from unnest($1::text[]) as wanted (hash) where not exists (select from dag_source_blob b where b.hash = wanted.hash)` };
/** A blob that is announced again is young again: the clean-up of old ones must not take it away under an upload. */
const RENEW_BLOBS: Statement = { name: 'renew-dag-source-blobs', text: `update dag_source_blob set created_at = now() where hash = any ($1::text[]) and created_at < now() - interval '1 hour'` };
const STORE_BLOB: Statement = { name: 'store-dag-source-blob', text: `insert into dag_source_blob (hash, content) values ($1, $2) on conflict (hash) do nothing` };
const READ_BLOBS: Statement = { name: 'read-dag-source-blobs', text: `select hash, content from dag_source_blob where hash = any ($1::text[])` };
const SAVE_OUTCOME: Statement = {
  name: 'save-dag-source-outcome',
  text: `insert into dag_source_outcome (source_id, revision, path, bundle_hash, source, documents, timetables, parse_duration_ms) values ($1, $2, $3, $4, $5, $6, $7, $8)
    on conflict (source_id, revision, path) do update set bundle_hash = excluded.bundle_hash, source = excluded.source, documents = excluded.documents, timetables = excluded.timetables, parse_duration_ms = excluded.parse_duration_ms`,
};
const SAVE_BUNDLE: Statement = { name: 'save-dag-source-bundle', text: `insert into bundle_blob (hash, content) values ($1, $2) on conflict (hash) do nothing` };
const OUTCOMES: Statement = {
  name: 'dag-source-outcomes',
  text: `select path, bundle_hash as "bundleHash", source, array(select x::text from jsonb_array_elements(documents) x) as documents, timetables, parse_duration_ms as "parseDurationMs" from dag_source_outcome where source_id = $1 and revision = $2 order by path`,
};
/** Revisions older than the newest $2, but for the active one and those being worked at. */
const PRUNE: Statement = {
  name: 'prune-dag-source',
  text: `delete from dag_source_revision r using dag_source s where s.id = $1 and r.source_id = s.id and r.state in ('ready', 'refused') and r.revision <= s.last_revision - $2 and r.revision is distinct from s.active_revision`,
};
const DAG_OWNER: Statement = { name: 'dag-source-dag-owner', text: `select bundle_name as "bundleName", relative_fileloc as "relativeFileloc" from dag where dag_id = $1 and not is_stale` };
const BUNDLE_IN_USE: Statement = { name: 'dag-source-bundle-in-use', text: `select 1 as used from dag where bundle_name = $1 and not is_stale limit 1` };
const DAGS_OF_BUNDLE: Statement = { name: 'dag-source-dags', text: `select d.dag_id as "dagId", v.content_hash as "contentHash" from dag d left join dag_version v on v.id = d.current_version_id where d.bundle_name = $1 and not d.is_stale and ($2::text is null or d.relative_fileloc = $2)` };

/** Documents and deployed bundles, with their revisions. What may be done when is said by who calls. */
export class DagSourceStore {
  constructor(private readonly on: Queryable) {}

  async find(kind: DagSourceKind, name: string): Promise<StoredSource | null> {
    return (await this.on.query<StoredSource & Record<string, unknown>>(FIND, [kind, name]))[0] ?? null;
  }

  /** Held until the transaction ends. */
  async lock(id: string): Promise<StoredSource | null> {
    return (await this.on.query<StoredSource & Record<string, unknown>>(LOCK, [id]))[0] ?? null;
  }

  /** The source, made when there is none; held until the transaction ends. */
  async obtain(kind: DagSourceKind, name: string): Promise<StoredSource> {
    await this.on.query(CREATE, [kind, name]);
    const found = await this.find(kind, name);
    const locked = found === null ? null : await this.lock(found.id);
    if (locked === null) throw new Error(`the ${kind} ${name} was deleted at the same moment; try again`);
    return locked;
  }

  /** @param names only these; null: all */
  async list(kind: DagSourceKind, limit: number, offset: number, names: readonly string[] | null = null): Promise<{ readonly rows: readonly StoredSource[]; readonly total: number }> {
    const rows = await this.on.query<StoredSource & { total: number } & Record<string, unknown>>(LIST, [kind, limit, offset, names]);
    return { rows, total: rows[0]?.total ?? 0 };
  }

  async addRevision(sourceId: string, revision: { readonly state: RevisionState; readonly activates: boolean; readonly files: readonly SourceFile[]; readonly contentHash: string; readonly note: string | null; readonly createdBy: string }): Promise<number> {
    const [next] = await this.on.query<{ revision: number }>(NEXT_REVISION, [sourceId]);
    await this.on.query(ADD_REVISION, [sourceId, next!.revision, revision.state, revision.activates, JSON.stringify(revision.files), revision.contentHash, revision.note, revision.createdBy]);
    return next!.revision;
  }

  async revision(sourceId: string, revision: number): Promise<StoredRevision | null> {
    return (await this.on.query<StoredRevision & Record<string, unknown>>(ONE_REVISION, [sourceId, revision]))[0] ?? null;
  }

  /** Newest first. */
  async revisions(sourceId: string, limit: number, offset = 0): Promise<{ readonly rows: readonly StoredRevision[]; readonly total: number }> {
    const rows = await this.on.query<StoredRevision & { total: number } & Record<string, unknown>>(REVISIONS, [sourceId, limit, offset]);
    return { rows, total: rows[0]?.total ?? 0 };
  }

  async setState(sourceId: string, revision: number, state: RevisionState, problems: readonly SourceProblem[], changes: SourceChanges | null = null): Promise<void> {
    await this.on.query(SET_STATE, [sourceId, revision, state, JSON.stringify(problems), changes === null ? null : JSON.stringify(changes)]);
  }

  async addProblems(sourceId: string, revision: number, problems: readonly SourceProblem[]): Promise<void> {
    await this.on.query(ADD_PROBLEM, [sourceId, revision, JSON.stringify(problems)]);
  }

  async deleteRevision(sourceId: string, revision: number): Promise<void> {
    await this.on.query(DELETE_REVISION, [sourceId, revision]);
  }

  /** @param revision null: none is */
  async activate(sourceId: string, revision: number | null): Promise<void> {
    await this.on.query(ACTIVATE, [sourceId, revision]);
  }

  /** One that waits to be checked, for this processor alone. */
  async take(processorId: string): Promise<{ readonly sourceId: string; readonly revision: number; readonly files: readonly SourceFile[]; readonly kind: DagSourceKind; readonly name: string } | null> {
    return (await this.on.query<{ sourceId: string; revision: number; files: SourceFile[]; kind: DagSourceKind; name: string }>(TAKE, [processorId]))[0] ?? null;
  }

  /** @returns false: the processor does not have it (any more) */
  async hold(sourceId: string, revision: number, processorId: string): Promise<boolean> {
    return (await this.on.query(HOLD, [sourceId, revision, processorId])).length > 0;
  }

  async missingBlobs(hashes: readonly string[]): Promise<readonly string[]> {
    await this.on.query(RENEW_BLOBS, [hashes]);
    return (await this.on.query<{ hash: string }>(MISSING_BLOBS, [hashes])).map((row) => row.hash);
  }

  async storeBlob(hash: string, content: Uint8Array): Promise<void> {
    await this.on.query(STORE_BLOB, [hash, Buffer.from(content)]);
  }

  readBlobs(hashes: readonly string[]): Promise<{ readonly hash: string; readonly content: Buffer }[]> {
    return this.on.query<{ hash: string; content: Buffer }>(READ_BLOBS, [hashes]);
  }

  async saveOutcome(sourceId: string, revision: number, outcome: StoredOutcome, bundle: Uint8Array): Promise<void> {
    await this.on.query(SAVE_BUNDLE, [outcome.bundleHash, Buffer.from(bundle)]);
    await this.on.query(SAVE_OUTCOME, [sourceId, revision, outcome.path, outcome.bundleHash, outcome.source, `[${outcome.documents.join(',')}]`, JSON.stringify(outcome.timetables), outcome.parseDurationMs]);
  }

  outcomes(sourceId: string, revision: number): Promise<StoredOutcome[]> {
    return this.on.query<StoredOutcome & Record<string, unknown>>(OUTCOMES, [sourceId, revision]);
  }

  async deleteSource(sourceId: string): Promise<void> {
    await this.on.query(DELETE_SOURCE, [sourceId]);
    await this.on.query(DELETE_OLD_CHECKS);
  }

  /** The number of the last one stays: no revision is ever numbered twice. */
  async forgetRevisions(sourceId: string): Promise<void> {
    await this.on.query(FORGET_REVISIONS, [sourceId]);
  }

  /** Keeps the newest revisions and the active one. */
  async prune(sourceId: string, keep: number): Promise<void> {
    await this.on.query(PRUNE, [sourceId, keep]);
  }

  /** The file a dag belongs to now; null: to none. */
  async ownerOfDag(dagId: string): Promise<{ readonly bundleName: string; readonly relativeFileloc: string } | null> {
    return (await this.on.query<{ bundleName: string; relativeFileloc: string }>(DAG_OWNER, [dagId]))[0] ?? null;
  }

  async isBundleInUse(bundleName: string): Promise<boolean> {
    return (await this.on.query(BUNDLE_IN_USE, [bundleName])).length > 0;
  }

  /** Dags that are published from a bundle, or from one file of it, by the hash of their current version. */
  async dagsOf(bundleName: string, relativeFileloc: string | null): Promise<ReadonlyMap<string, string | null>> {
    return new Map((await this.on.query<{ dagId: string; contentHash: string | null }>(DAGS_OF_BUNDLE, [bundleName, relativeFileloc])).map((row) => [row.dagId, row.contentHash]));
  }
}
