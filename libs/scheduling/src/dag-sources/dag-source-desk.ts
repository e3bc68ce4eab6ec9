import { DagSourceStore, writeAudit } from '@millrace/persistence';
import type { Database, DagSourceKind, SourceChanges, SourceFile, SourceProblem, StoredRevision, StoredSource, Transaction } from '@millrace/persistence';
import { ID_PATTERN, MillraceError } from '@millrace/vocabulary';
import type { Publication } from '../publication/publication.js';
import type { PublishedFile, PublishedTimetable } from '../publication/published-file.js';
import { DOCUMENTS_BUNDLE, checkDeployedFiles, contentHashOf, documentPath, sha256 } from './source-files.js';

/** Revisions of a source that are kept to go back to. */
const REVISIONS_KEPT = 20;
/** Between two looks of somebody who waits, milliseconds. */
const LOOK_EVERY_MS = 200;

export interface SourceState {
  readonly source: StoredSource;
  readonly revision: StoredRevision;
}

/**
 * Dags that are kept in the database instead of in a folder: documents sent by other systems, and deployed bundles. Each write is a
 * revision; a dag-processor checks it (dag code never runs here), and then it becomes active: all its dags in one transaction, or nothing.
 */
export class DagSourceDesk {
  /** Processors that wait for work at this api. */
  readonly #waiting = new Set<() => void>();

  constructor(
    private readonly database: Database,
    private readonly publication: Publication,
  ) {}

  // Documents

  /**
   * A new document, or the one that is there when it says the same.
   * @throws MillraceError `conflict` when the dag id belongs to something else
   */
  async createDocument(dagId: string, text: string, actor: string): Promise<SourceState & { readonly isNew: boolean }> {
    return this.#writeDocument(dagId, text, actor, (current) => {
      throw new MillraceError('conflict', `a document of dag "${dagId}" exists (revision ${current.revision}); replace it with PUT and If-Match: "${current.revision}"`);
    });
  }

  /**
   * @param ifMatch the revision that is replaced; null: any
   * @throws MillraceError `precondition_failed` when another one is current
   */
  async replaceDocument(dagId: string, text: string, ifMatch: number | null, actor: string): Promise<SourceState & { readonly isNew: boolean }> {
    return this.#writeDocument(dagId, text, actor, (current) => checkMatch(dagId, current.revision, ifMatch), ifMatch);
  }

  async #writeDocument(dagId: string, text: string, actor: string, onExisting: (current: StoredRevision) => void, ifMatch: number | null = null): Promise<SourceState & { readonly isNew: boolean }> {
    const file: SourceFile = { path: documentPath(dagId, text), hash: sha256(text), size: Buffer.byteLength(text) };
    const contentHash = contentHashOf([file]);
    const written = await this.database.inTransaction(async (tx) => {
      const store = new DagSourceStore(tx);
      const source = await store.obtain('document', dagId);
      const current = await this.#current(store, source);
      if (current?.contentHash === contentHash) return { source, revision: current, isNew: false };
      if (current !== null) onExisting(current);
      else if (ifMatch !== null) throw new MillraceError('precondition_failed', `there is no document of dag "${dagId}", so none of revision ${ifMatch}`);
      await this.#checkOwner(store, dagId);
      await store.storeBlob(file.hash, Buffer.from(text));
      // What was being checked and is replaced now must not become active afterwards.
      if (current?.state === 'checking') await store.setState(source.id, current.revision, 'refused', [problem('replaced before it was checked')]);
      const revision = await store.addRevision(source.id, { state: 'checking', activates: true, files: [file], contentHash, note: null, createdBy: actor });
      await writeAudit(tx.client, { event: current === null ? 'create_dag_document' : 'replace_dag_document', actor, dagId, extra: { revision, sha256: file.hash, bytes: file.size } });
      return { source, revision: (await store.revision(source.id, revision))!, isNew: true };
    });
    if (written.isNew) this.#wake();
    return written;
  }

  /** @throws MillraceError `not_found`, `precondition_failed` */
  async deleteDocument(dagId: string, ifMatch: number | null, actor: string): Promise<void> {
    const { source, revision } = await this.document(dagId);
    checkMatch(dagId, revision.revision, ifMatch);
    const [file] = revision.files;
    const outcome = await this.publication.publishTogether(DOCUMENTS_BUNDLE, file?.path ?? '', [], async (tx) => {
      const store = new DagSourceStore(tx);
      const locked = await store.lock(source.id);
      const current = locked === null ? null : await this.#current(store, locked);
      if (current?.revision !== revision.revision) return `the document was changed at the same moment`;
      await store.forgetRevisions(source.id);
      await writeAudit(tx.client, { event: 'delete_dag_document', actor, dagId, extra: { revision: revision.revision } });
      return null;
    });
    if (outcome.problems.length > 0) throw new MillraceError('precondition_failed', outcome.problems[0]!.message);
  }

  /** The document of a dag, at its current revision. @throws MillraceError `not_found` */
  async document(dagId: string): Promise<SourceState> {
    const store = new DagSourceStore(this.database);
    const source = await store.find('document', dagId);
    const revision = source === null ? null : ((await this.#current(store, source)) ?? (await this.#last(store, source)));
    if (source === null || revision === null) throw new MillraceError('not_found', `There is no document of dag ${dagId}`);
    return { source, revision };
  }

  /** Checks a document as if it were written, and leaves nothing behind. null: no dag-processor answered in time. */
  async validateDocument(dagId: string, text: string, actor: string, waitMs: number): Promise<StoredRevision | null> {
    const file: SourceFile = { path: documentPath(dagId, text), hash: sha256(text), size: Buffer.byteLength(text) };
    const store = new DagSourceStore(this.database);
    const { source, revision } = await this.database.inTransaction(async (tx) => {
      const inside = new DagSourceStore(tx);
      const source = await inside.obtain('document', `~${crypto.randomUUID()}`);
      await inside.storeBlob(file.hash, Buffer.from(text));
      return { source, revision: await inside.addRevision(source.id, { state: 'checking', activates: false, files: [file], contentHash: contentHashOf([file]), note: null, createdBy: actor }) };
    });
    this.#wake();
    try {
      const checked = await this.settled(source.id, revision, waitMs);
      if (checked?.state === 'checking') return null;
      const owner = await store.ownerOfDag(dagId);
      if (checked?.state === 'ready' && owner !== null && owner.bundleName !== DOCUMENTS_BUNDLE) return { ...checked, state: 'refused', problems: [problem(ownedElsewhere(dagId, owner))] };
      return checked;
    } finally {
      await store.deleteSource(source.id);
    }
  }

  // Deployments

  /**
   * Announces the files of a deployment.
   * @returns the revision, and hashes of files whose content is not here yet
   */
  async beginDeployment(bundle: string, files: readonly SourceFile[], more: { readonly activates: boolean; readonly note: string | null; readonly actor: string }): Promise<SourceState & { readonly missing: readonly string[] }> {
    if (!ID_PATTERN.test(bundle) || bundle === DOCUMENTS_BUNDLE) throw new MillraceError('invalid', bundle === DOCUMENTS_BUNDLE ? `"${DOCUMENTS_BUNDLE}" is the bundle of documents sent to the api; choose another name` : `"${bundle.slice(0, 250)}" cannot name a bundle: letters, digits, "_", "-" and "." are allowed, at most 250 characters`);
    checkDeployedFiles(files);
    const contentHash = contentHashOf(files);
    return this.database.inTransaction(async (tx) => {
      const store = new DagSourceStore(tx);
      if ((await store.find('bundle', bundle)) === null && (await store.isBundleInUse(bundle))) throw new MillraceError('conflict', `"${bundle}" is a dags folder that a dag-processor watches; deploy under another name, or take the folder out of dag_processor.folders and delete its dags first`);
      const source = await store.obtain('bundle', bundle);
      const missing = await store.missingBlobs([...new Set(files.map((file) => file.hash))]);
      const revision = await store.addRevision(source.id, { state: 'uploading', activates: more.activates, files, contentHash, note: more.note, createdBy: more.actor });
      await writeAudit(tx.client, { event: 'begin_deployment', actor: more.actor, extra: { bundle, revision, files: files.length, activates: more.activates } });
      return { source, revision: (await store.revision(source.id, revision))!, missing };
    });
  }

  async storeFile(content: Uint8Array): Promise<string> {
    const hash = sha256(content);
    await new DagSourceStore(this.database).storeBlob(hash, content);
    return hash;
  }

  /** All files are here: from now on it is checked. The same again changes nothing. */
  async checkDeployment(bundle: string, number: number): Promise<SourceState> {
    const { source, revision } = await this.deployment(bundle, number);
    if (revision.state !== 'uploading') return { source, revision };
    const store = new DagSourceStore(this.database);
    const missing = await store.missingBlobs([...new Set(revision.files.map((file) => file.hash))]);
    if (missing.length > 0) throw new MillraceError('conflict', `${missing.length} files of the deployment are not uploaded yet, the first is ${revision.files.find((file) => missing.includes(file.hash))?.path}`);
    await store.setState(source.id, number, 'checking', []);
    this.#wake();
    return { source, revision: { ...revision, state: 'checking' } };
  }

  /** Makes a checked revision the active one, an earlier one too. @throws MillraceError `conflict` when it cannot be */
  async activateDeployment(bundle: string, number: number, actor: string): Promise<SourceState> {
    const { source, revision } = await this.deployment(bundle, number);
    if (revision.state !== 'ready') throw new MillraceError('conflict', `revision ${number} of bundle ${bundle} is ${revision.state}; only one that was checked and accepted can be active`);
    const problems = await this.#activate(source, revision, async (tx) => {
      await writeAudit(tx.client, { event: 'activate_deployment', actor, extra: { bundle, revision: number } });
      return null;
    });
    if (problems.length > 0) throw new MillraceError('conflict', problems.map(({ message }) => message).join('\n'));
    return this.deployment(bundle, number);
  }

  /** @throws MillraceError `not_found` */
  async deployment(bundle: string, number: number): Promise<SourceState> {
    const store = new DagSourceStore(this.database);
    const source = await this.bundle(bundle);
    const revision = await store.revision(source.id, number);
    if (revision === null) throw new MillraceError('not_found', `Bundle ${bundle} has no revision ${number}`);
    return { source, revision };
  }

  /** @throws MillraceError `not_found` */
  async bundle(name: string): Promise<StoredSource> {
    const source = await new DagSourceStore(this.database).find('bundle', name);
    if (source === null) throw new MillraceError('not_found', `There is no deployed bundle ${name}`);
    return source;
  }

  /** The revision that was active before the one that is. @throws MillraceError `conflict` when there is none */
  async revisionBefore(bundle: string): Promise<number> {
    const source = await this.bundle(bundle);
    const { rows } = await new DagSourceStore(this.database).revisions(source.id, 1_000);
    const active = rows.find((row) => row.revision === source.activeRevision);
    const before = rows.filter((row) => row.activatedAt !== null && row.revision !== source.activeRevision && row.state === 'ready')
      .toSorted((a, b) => b.activatedAt!.getTime() - a.activatedAt!.getTime()).find((row) => active?.activatedAt == null || row.activatedAt! <= active.activatedAt);
    if (before === undefined) throw new MillraceError('conflict', `bundle ${bundle} has no earlier revision that was active`);
    return before.revision;
  }

  /** The bundle and its dags go; runs and history stay. */
  async deleteBundle(name: string, actor: string): Promise<void> {
    const source = await this.bundle(name);
    await this.publication.publishTogether(name, null, [], async (tx) => {
      await new DagSourceStore(tx).deleteSource(source.id);
      await writeAudit(tx.client, { event: 'delete_bundle', actor, extra: { bundle: name } });
      return null;
    });
  }

  /** Whether the bundle is deployed, so that no folder may publish under its name. */
  async isDeployed(bundleName: string): Promise<boolean> {
    return bundleName === DOCUMENTS_BUNDLE || (await new DagSourceStore(this.database).find('bundle', bundleName)) !== null;
  }

  /** @param names only these; null: all */
  list(kind: DagSourceKind, limit: number, offset: number, names: readonly string[] | null = null): Promise<{ readonly rows: readonly StoredSource[]; readonly total: number }> {
    return new DagSourceStore(this.database).list(kind, limit, offset, names);
  }

  revisions(sourceId: string, limit: number, offset: number): Promise<{ readonly rows: readonly StoredRevision[]; readonly total: number }> {
    return new DagSourceStore(this.database).revisions(sourceId, limit, offset);
  }

  async textOf({ files }: StoredRevision): Promise<string> {
    const [blob] = await new DagSourceStore(this.database).readBlobs(files.slice(0, 1).map((file) => file.hash));
    return blob?.content.toString('utf8') ?? '';
  }

  /** The revision once it is no longer being checked, or as it is when the time is over. null: it is gone. */
  async settled(sourceId: string, revision: number, waitMs: number): Promise<StoredRevision | null> {
    const store = new DagSourceStore(this.database);
    const until = performance.now() + waitMs;
    for (;;) {
      const found = await store.revision(sourceId, revision);
      if (found === null || found.state !== 'checking' || performance.now() >= until) return found;
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    }
  }

  // What dag-processors ask

  /** Something to check, for this processor alone. Waits for it as long as is asked. */
  async take(processorId: string, waitMs: number, signal?: AbortSignal): Promise<Awaited<ReturnType<DagSourceStore['take']>>> {
    const until = performance.now() + Math.min(waitMs, 30_000);
    for (;;) {
      const taken = await this.database.inTransaction((tx) => new DagSourceStore(tx).take(processorId));
      const left = until - performance.now();
      if (taken !== null || left <= 0 || signal?.aborted === true) return taken;
      await new Promise<void>((resolve) => {
        const done = (): void => {
          clearTimeout(timer);
          this.#waiting.delete(done);
          resolve();
        };
        // Another api may have been given it.
        const timer = setTimeout(done, Math.min(left, 500));
        this.#waiting.add(done);
      });
    }
  }

  readFiles(hashes: readonly string[]): Promise<readonly { readonly hash: string; readonly content: Buffer }[]> {
    return new DagSourceStore(this.database).readBlobs(hashes);
  }

  /** @returns false: the processor does not have it (any more) */
  async tell(sourceId: string, revision: number, processorId: string, file: PublishedFile): Promise<boolean> {
    return this.database.inTransaction(async (tx) => {
      const store = new DagSourceStore(tx);
      if (!(await store.hold(sourceId, revision, processorId))) return false;
      if (file.importError !== null) {
        const { stackTrace, filename, line } = file.importError;
        await store.addProblems(sourceId, revision, [problemOf(withoutNul(stackTrace), filename === '' ? file.relativeFileloc : filename, line)]);
        return true;
      }
      if (sha256(file.bundle) !== file.bundleHash) throw new MillraceError('invalid', `the bundle of ${file.relativeFileloc} is not what its hash says`);
      await store.saveOutcome(sourceId, revision, { path: file.relativeFileloc, bundleHash: file.bundleHash, source: withoutNul(file.source), documents: file.dagDocuments, timetables: file.timetables ?? [], parseDurationMs: file.parseDurationMs }, file.bundle);
      return true;
    });
  }

  /** @returns false: the processor does not have it (any more) */
  async finish(sourceId: string, number: number, processorId: string, failure: string): Promise<boolean> {
    const store = new DagSourceStore(this.database);
    if (!(await store.hold(sourceId, number, processorId))) return false;
    const revision = await store.revision(sourceId, number);
    const source = await this.#sourceOf(sourceId);
    if (revision === null || source === null) return false;
    const found = [...(failure === '' ? [] : [problem(failure)]), ...revision.problems];
    if (found.length > 0) {
      await store.setState(sourceId, number, 'refused', found);
      return true;
    }
    const files = await this.#published(source, revision);
    if (files.length === 0) {
      await store.setState(sourceId, number, 'refused', [problem('no dag file was found')]);
      return true;
    }
    if (revision.activates) {
      const problems = await this.#activate(source, revision, async (tx) => ((await new DagSourceStore(tx).lock(source.id))?.activeRevision ?? 0) > number ? 'a newer revision is active already' : null);
      if (problems.length > 0) await store.setState(sourceId, number, 'refused', problems);
      return true;
    }
    await store.setState(sourceId, number, 'ready', [], await this.#changes(store, source, revision, files));
    return true;
  }

  /** Publishes all of a revision. @returns why nothing was published; empty: it is active */
  async #activate(source: StoredSource, revision: StoredRevision, and: (tx: Transaction) => Promise<string | null>): Promise<readonly SourceProblem[]> {
    const files = await this.#published(source, revision);
    const only = source.kind === 'document' ? (revision.files[0]?.path ?? '') : null;
    const bundle = bundleOf(source);
    const changes = await this.#changes(new DagSourceStore(this.database), source, revision, files);
    const outcome = await this.publication.publishTogether(bundle, only, files, async (tx) => {
      const store = new DagSourceStore(tx);
      if ((await store.lock(source.id)) === null) return 'it was deleted meanwhile';
      const now = await store.revision(source.id, revision.revision);
      if (now === null || !['checking', 'ready'].includes(now.state)) return now?.problems[0]?.message ?? 'it was deleted meanwhile';
      const refusal = await and(tx);
      if (refusal !== null) return refusal;
      await store.setState(source.id, revision.revision, 'ready', [], changes);
      await store.activate(source.id, revision.revision);
      await store.prune(source.id, REVISIONS_KEPT);
      return null;
    });
    return outcome.problems.map(({ message, where, file }) => problemOf(message, file, Number(/:(\d+)/.exec(where ?? '')?.[1] ?? 0)));
  }

  async #changes(store: DagSourceStore, source: StoredSource, revision: StoredRevision, files: readonly PublishedFile[]): Promise<SourceChanges> {
    const now = await store.dagsOf(bundleOf(source), source.kind === 'document' ? (revision.files[0]?.path ?? '') : null);
    const next = this.publication.contentHashes(files);
    return {
      added: [...next.keys()].filter((dagId) => !now.has(dagId)).sort(),
      changed: [...next].filter(([dagId, hash]) => now.has(dagId) && now.get(dagId) !== hash).map(([dagId]) => dagId).sort(),
      removed: [...now.keys()].filter((dagId) => !next.has(dagId)).sort(),
    };
  }

  async #published(source: StoredSource, revision: StoredRevision): Promise<PublishedFile[]> {
    const bundleName = bundleOf(source);
    return (await new DagSourceStore(this.database).outcomes(source.id, revision.revision)).map((outcome) => ({
      bundleName,
      relativeFileloc: outcome.path,
      fileloc: `${bundleName}/${outcome.path}`,
      bundleHash: outcome.bundleHash,
      bundle: Buffer.alloc(0),
      source: outcome.source,
      dagDocuments: outcome.documents,
      importError: null,
      parseDurationMs: outcome.parseDurationMs,
      timetables: outcome.timetables as PublishedTimetable[],
      bundleVersion: String(revision.revision),
    }));
  }

  /** The newest revision that was not refused. */
  async #current(store: DagSourceStore, source: StoredSource): Promise<StoredRevision | null> {
    const { rows } = await store.revisions(source.id, REVISIONS_KEPT * 2);
    return rows.find((row) => row.state === 'checking' || row.revision === source.activeRevision) ?? null;
  }

  async #last(store: DagSourceStore, source: StoredSource): Promise<StoredRevision | null> {
    return (await store.revisions(source.id, 1)).rows[0] ?? null;
  }

  async #sourceOf(id: string): Promise<StoredSource | null> {
    return this.database.inTransaction((tx) => new DagSourceStore(tx).lock(id));
  }

  async #checkOwner(store: DagSourceStore, dagId: string): Promise<void> {
    const owner = await store.ownerOfDag(dagId);
    if (owner !== null && owner.bundleName !== DOCUMENTS_BUNDLE) throw new MillraceError('conflict', ownedElsewhere(dagId, owner));
  }

  #wake(): void {
    for (const wake of [...this.#waiting]) wake();
  }
}

function ownedElsewhere(dagId: string, owner: { readonly bundleName: string; readonly relativeFileloc: string }): string {
  return `dag "${dagId}" belongs to the file ${owner.relativeFileloc} of bundle "${owner.bundleName}"; give the document another dag id, or remove the dag there`;
}

function bundleOf(source: StoredSource): string {
  return source.kind === 'document' ? DOCUMENTS_BUNDLE : source.name;
}

function checkMatch(dagId: string, current: number, ifMatch: number | null): void {
  if (ifMatch !== null && ifMatch !== current) throw new MillraceError('precondition_failed', `the document of dag "${dagId}" is at revision ${current}, not ${ifMatch}: somebody changed it since you read it; read it again`);
}

function problem(message: string): SourceProblem {
  return { path: '', message, file: '', line: 0, column: 0 };
}

/** Of an import error's text `file:line:column: message` and what follows it. */
function problemOf(text: string, file: string, line: number): SourceProblem {
  return { path: '', message: text.slice(0, 20_000), file, line, column: Number(/^[^\s:]+:\d+:(\d+):/.exec(text)?.[1] ?? 0) };
}

/** PostgreSQL text cannot hold NUL, and a thrown message may. */
function withoutNul(text: string): string {
  return text.replaceAll('\0', '\u2400');
}
