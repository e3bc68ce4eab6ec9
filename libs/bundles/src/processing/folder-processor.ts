import { createHash } from 'node:crypto';
import { readFile, realpath, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { DagDocument } from '@millrace/contracts';
import { PluginCatalogue, attachedPlugins } from '../plugins/plugin-catalogue.js';
import type { FoundPlugin } from '../plugins/plugin-catalogue.js';
import { bundleFile } from '../bundling/bundle-file.js';
import { Bundler } from '../bundling/bundler.js';
import type { Bundle } from '../bundling/bundle-file.js';
import type { AttachedPlugin } from '../bundling/bundle-request.js';
import type { Evaluator, ToldTimetable } from '../evaluation/evaluator.js';
import { importFailure } from '../import-errors/import-failure.js';
import type { ImportFailure } from '../import-errors/import-failure.js';
import { bundleDagFile } from '../dag-files/bundle-dag-file.js';
import { definesDags, isDataFile } from '../scanning/is-dag-file.js';
import { scanFolder } from '../scanning/scan-folder.js';
import type { FoundFile } from '../scanning/scan-folder.js';
import { inParallel } from './in-parallel.js';
import { publishedDocument } from './published-document.js';

export interface DagsFolder {
  /** Name of the folder in the api, e.g. `dags`. */
  readonly name: string;
  readonly path: string;
  /** Folders that `plugins/<name>` is looked for in, most important first. Those that are not there are left out. */
  readonly pluginFolders: readonly string[];
}

/** What one dag file is now. */
export interface FileOutcome {
  /** Relative to the folder, with `/`. */
  readonly path: string;
  readonly file: string;
  readonly source: string;
  /** Time of bundling and evaluation. */
  readonly durationMs: number;
  readonly result:
    | { readonly ok: true; readonly bundle: Bundle; readonly documents: readonly DagDocument[]; readonly timetables: Readonly<Record<string, ToldTimetable>> }
    | { readonly ok: false; readonly failure: ImportFailure };
}

export interface FolderLook {
  /** Files that are new or changed since the look before. */
  readonly changed: readonly FileOutcome[];
  /** Every dag file of the folder, broken ones too. Null: the folder cannot be read, so nothing may be concluded. */
  readonly present: readonly string[] | null;
  /** Every plugin of the folder, broken ones too. Null as `present`. */
  readonly plugins: readonly FoundPlugin[] | null;
  /** Folders to watch. */
  readonly folders: readonly string[];
  /** Something was being written or has just gone, or not all could be processed in one look: look again after so many milliseconds. Null: all is settled. */
  readonly lookAgainMs: number | null;
  /** Every file that wanted processing was processed, or is being processed. */
  readonly isComplete: boolean;
}

interface KnownFile {
  readonly isDagFile: boolean;
  /** Size and time of every file that went into the outcome. */
  readonly stamps: ReadonlyMap<string, string>;
  readonly hash: string | null;
  readonly sourceHash: string;
  /** After a failure any change of the folder may be the cure. */
  readonly failedAt: string | null;
  /** Text of a failure to bundle: it is tried again at each look, because a missing module may come anywhere. It costs little. */
  readonly bundlingFailure: string | null;
}

/** Why a file is processed: it is not as it was; it was not seen yet; it failed, and that may have passed. */
type Urgency = 'changed' | 'unknown' | 'failed';

/** Lengths of time, milliseconds. */
export interface FolderTiming {
  /** A file that takes longer is processed beside the others and not before them. */
  readonly patienceMs: number;
  /** A failure that took longer to find is not looked for again because another file changed, only when its own do. */
  readonly costlyMs: number;
  /** A file must have been left alone for so long: whoever writes it may be in the middle. */
  readonly settleMs: number;
  /** An error of a file younger than this is not told yet: slow writers pause. */
  readonly failureSettleMs: number;
  /** A file must be gone for so long before its dags are: editors and deployments delete and write again. */
  readonly removalSettleMs: number;
  /** After so long a look begins no more files but ends, and the next one sees what has been changed meanwhile: that goes first. */
  readonly sliceMs: number;
}

const TIMING: FolderTiming = { patienceMs: 1_000, costlyMs: 10_000, settleMs: 60, failureSettleMs: 500, removalSettleMs: 1_000, sliceMs: 1_000 };
/** So many at once. */
const SLOW_FILES_MAX = 4;
/** When looking took longer than this, as with thousands of files, a slice is longer in proportion. */
const SLICE_LOOK_MS = 100;

/** Looks at a dags folder and processes what has changed since the last look. One at a time; `look` calls must not overlap. */
export class FolderProcessor {
  private readonly known = new Map<string, KnownFile>();
  private readonly missingSince = new Map<string, number>();
  /** Files that are being processed, also those a look did not wait for. */
  private readonly inFlight = new Set<string>();
  private slow = 0;
  private readonly plugins: PluginCatalogue;
  private readonly bundler = new Bundler();
  private readonly beganAt = Date.now();
  private attachedBefore = '[]';
  /** Of files no look waited for; the next look throws them. */
  private readonly errors: unknown[] = [];

  private readonly timing: FolderTiming;

  constructor(private readonly folder: DagsFolder, private readonly evaluator: Evaluator, private readonly parallelism: number, timing: Partial<FolderTiming> = {}) {
    this.timing = { ...TIMING, ...timing };
    this.plugins = new PluginCatalogue(evaluator);
  }

  /** @param onChanged called with each outcome as soon as it is there, before the slower ones end */
  async look(onChanged: (outcome: FileOutcome) => void | Promise<void> = () => undefined): Promise<FolderLook> {
    if (this.errors.length > 0) throw this.errors.shift();
    const lookBeganAt = Date.now();
    const scan = await scanFolder(this.folder.path).catch((error: unknown) => {
      if (['ENOENT', 'ENOTDIR', 'EACCES'].includes((error as NodeJS.ErrnoException).code ?? '')) return null;
      throw error;
    });
    if (scan === null) return { changed: [], present: null, plugins: null, folders: [], lookAgainMs: null, isComplete: true };
    const pluginFolders = await existing(this.folder.pluginFolders);
    const pluginScans = await Promise.all(pluginFolders.map((folder) => scanFolder(folder).catch(() => null)));
    const surroundings = [...scan.files, ...pluginScans.flatMap((one) => one?.files ?? [])].map((file) => `${file.file}:${file.size}:${file.mtimeMs}`).join('\n');

    const attached = attachedPlugins(await this.plugins.look(pluginFolders, true));
    const attachedNow = JSON.stringify(attached);
    // Other plugins may make other bundles of all files; what comes out the same is not evaluated again.
    if (attachedNow !== this.attachedBefore) for (const [path, known] of this.known) this.known.set(path, { ...known, stamps: new Map() });
    this.attachedBefore = attachedNow;

    let lookAgainMs: number | null = null;
    const again = (ms: number): void => {
      lookAgainMs = Math.min(lookAgainMs ?? ms, ms);
    };
    const changed: FileOutcome[] = [];
    const wanting: Record<Urgency, FoundFile[]> = { changed: [], unknown: [], failed: [] };
    const stampNow = rememberedStamps(scan.files);
    for (const file of scan.files) {
      if (this.inFlight.has(file.path)) {
        again(this.timing.patienceMs);
        continue;
      }
      const urgency = await this.urgencyOf(file, surroundings, stampNow);
      if (urgency === null) continue;
      if (isYoung(file.mtimeMs, this.timing.settleMs)) again(this.timing.settleMs - (Date.now() - file.mtimeMs));
      else wanting[urgency].push(file);
    }
    // Most of the time is for processing, however long it took to look at thousands of files.
    const sliceEndsAt = Date.now() + this.timing.sliceMs * Math.max(1, (Date.now() - lookBeganAt) / SLICE_LOOK_MS);
    let isComplete = true;
    let begun = 0;
    const processAll = (files: readonly FoundFile[], isSliced: boolean): Promise<void> => inParallel(files, this.parallelism, async (file) => {
      if (isSliced && begun > 0 && Date.now() >= sliceEndsAt) {
        isComplete = false;
        again(0);
        return;
      }
      begun++;
      const processing = this.process(scan.root, file, pluginFolders, attached, surroundings, again).finally(() => this.inFlight.delete(file.path));
      this.inFlight.add(file.path);
      if (await this.isSlow(processing)) {
        // It goes on beside the following looks; the files after it are not to wait for it.
        again(this.timing.patienceMs);
        this.slow++;
        void processing.then((outcome) => (outcome === null ? undefined : onChanged(outcome))).catch((error: unknown) => this.errors.push(error)).finally(() => this.slow--);
        return;
      }
      const outcome = await processing;
      if (outcome === null) return;
      changed.push(outcome);
      await onChanged(outcome);
    });
    // Somebody waits for what was just changed; the others may be a first look at thousands.
    await processAll([...wanting.changed, ...wanting.unknown], true);
    // At the end of it all, and then all of them: each look tries them again, so that in slices they would never be through.
    if (isComplete) await processAll(wanting.failed, false);
    const present = this.presence(new Set(scan.files.map((file) => file.path)), again);
    const plugins = await this.plugins.look(pluginFolders, false);
    return { changed, present, plugins, folders: [...scan.folders, ...pluginScans.flatMap((one) => one?.folders ?? [])], lookAgainMs, isComplete };
  }

  /** No look may follow. */
  async close(): Promise<void> {
    await this.bundler.close();
  }

  /** Makes the next look process this file again, e.g. because the api refused it for a reason that may have passed. */
  forget(path: string): void {
    const known = this.known.get(path);
    if (known !== undefined) this.known.set(path, { ...known, stamps: new Map(), hash: null, bundlingFailure: null });
  }

  /** The same for all files, e.g. because the api may have come back with another database. */
  forgetAll(): void {
    for (const path of this.known.keys()) this.forget(path);
  }

  /** Whether it takes longer than others should wait for it. When several do, they are waited for: they take the processors from the rest. */
  private async isSlow(processing: Promise<unknown>): Promise<boolean> {
    if (this.slow >= SLOW_FILES_MAX) return false;
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<boolean>((resolve) => (timer = setTimeout(() => resolve(true), this.timing.patienceMs)));
    const settled = processing.then(() => false, () => false);
    try {
      return await Promise.race([settled, patience]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Null: it is as it was when it was processed. */
  private async urgencyOf(file: FoundFile, surroundings: string, stampNow: (file: string) => Promise<string>): Promise<Urgency | null> {
    const known = this.known.get(file.path);
    if (known === undefined) return file.mtimeMs >= this.beganAt ? 'changed' : 'unknown';
    if (known.stamps.get(file.file) !== stampOf(file)) return 'changed'; // Also another root: a symlink was swapped.
    if (known.bundlingFailure !== null || (known.failedAt !== null && known.failedAt !== surroundings)) return 'failed';
    for (const [input, stamp] of known.stamps) if (input !== file.file && (await stampNow(input)) !== stamp) return 'changed';
    return null;
  }

  private async process(root: string, file: FoundFile, pluginFolders: readonly string[], attached: readonly AttachedPlugin[], surroundings: string, again: (ms: number) => void): Promise<FileOutcome | null> {
    const startedAt = Date.now();
    const source = await readFile(file.file, 'utf8').catch(() => null);
    if (source === null) return null; // Gone since the scan: the next look says so.
    const known = this.known.get(file.path);
    const sourceHash = createHash('sha256').update(source).digest('hex');
    if (isDataFile(file.path) ? source.trim() === '' : !definesDags(source)) {
      // A dag file that lost its dags may be half-written (an editor empties it first).
      if (known?.isDagFile === true && isYoung(file.mtimeMs, this.timing.removalSettleMs)) {
        again(this.timing.removalSettleMs);
        return null;
      }
      this.known.set(file.path, { isDagFile: false, stamps: new Map([[file.file, stampOf(file)]]), hash: null, sourceHash, failedAt: null, bundlingFailure: null });
      return null;
    }
    const bundled = isDataFile(file.path) ? await bundleDagFile({ root, path: file.path, pluginFolders, attached }, source, this.bundler) : await bundleFile({ root, path: file.path, pluginFolders, attached }, this.bundler);
    const stamps = await stampsOf([file.file, ...(bundled.ok ? bundled.bundle.inputs : [])]);
    stamps.set(file.file, stampOf(file)); // As of the scan: a write since then is seen by the next look.
    if (bundled.ok && bundled.bundle.hash === known?.hash) {
      this.known.set(file.path, { ...known, stamps, sourceHash });
      return null;
    }
    if (!bundled.ok && bundled.failure.text === known?.bundlingFailure) return null;
    const evaluated = bundled.ok ? await this.evaluator.evaluate(bundled.bundle, file.path) : bundled;
    if (!evaluated.ok && (await changedWhileWritten(stamps, this.timing.failureSettleMs))) {
      again(this.timing.failureSettleMs);
      return null;
    }
    this.known.set(file.path, { isDagFile: true, stamps, sourceHash, hash: bundled.ok && evaluated.ok ? bundled.bundle.hash : null, failedAt: evaluated.ok || Date.now() - startedAt > this.timing.costlyMs ? null : surroundings, bundlingFailure: bundled.ok ? null : bundled.failure.text });
    const result: FileOutcome['result'] = !bundled.ok ? bundled : evaluated.ok ? { ok: true, bundle: bundled.bundle, documents: evaluated.documents, timetables: evaluated.timetables } : evaluated;
    return { path: file.path, file: file.file, source, durationMs: Date.now() - startedAt, result: withinMessage(result, file.path, source) };
  }

  /** The dag files there are, with those that have only just gone. */
  private presence(found: ReadonlySet<string>, again: (ms: number) => void): string[] {
    const now = Date.now();
    const present: string[] = [];
    for (const [path, known] of this.known) {
      if (!known.isDagFile) {
        if (!found.has(path)) this.known.delete(path);
        continue;
      }
      if (found.has(path)) {
        this.missingSince.delete(path);
        present.push(path);
        continue;
      }
      const since = this.missingSince.get(path) ?? now;
      this.missingSince.set(path, since);
      // Renamed: the same content is there under another name, so nothing is still being written.
      const renamed = [...found].some((other) => other !== path && this.known.get(other)?.sourceHash === known.sourceHash);
      if (now - since >= this.timing.removalSettleMs || renamed) {
        this.known.delete(path);
        this.missingSince.delete(path);
      } else {
        present.push(path);
        again(this.timing.removalSettleMs - (now - since) + 10);
      }
    }
    // Not processed yet: its dags of before stay until it is known to have none.
    for (const path of found) if (!this.known.has(path)) present.push(path);
    return present.sort();
  }
}

function withinMessage(result: FileOutcome['result'], path: string, source: string): FileOutcome['result'] {
  if (!result.ok) return result;
  const documentBytes = result.documents.reduce((sum, document) => sum + Buffer.byteLength(publishedDocument(document)), 0);
  if (documentBytes + result.bundle.code.length + Buffer.byteLength(source) <= PUBLISHED_MAX_BYTES) return result;
  return { ok: false, failure: importFailure(`bundle, dags and source of the file together are more than ${PUBLISHED_MAX_BYTES / 1_048_576} MiB; split the file`, { file: path }) };
}

/** A file travels to the api in one message, which may have 32 MiB; the rest is for what else is in it. */
const PUBLISHED_MAX_BYTES = 28 * 1_048_576;

async function changedWhileWritten(stamps: ReadonlyMap<string, string>, settleMs: number): Promise<boolean> {
  for (const [file, stamp] of stamps) {
    const now = await stampAt(file);
    if (now !== stamp || isYoung(Number(now.split(':')[1]), settleMs)) return true;
  }
  return false;
}

/** A time in the future (another machine's clock) counts as old: it would never settle. */
function isYoung(mtimeMs: number, withinMs: number): boolean {
  const age = Date.now() - mtimeMs;
  return age >= 0 && age < withinMs;
}

function stampOf(file: FoundFile): string {
  return `${file.size}:${file.mtimeMs}`;
}

/** Each file is looked at once in a look, though a hundred dag files may import it; dag files were looked at by the scan. */
function rememberedStamps(scanned: readonly FoundFile[]): (file: string) => Promise<string> {
  const known = new Map(scanned.map((file) => [file.file, Promise.resolve(stampOf(file))]));
  return (file) => {
    const stamp = known.get(file) ?? stampAt(file);
    known.set(file, stamp);
    return stamp;
  };
}

async function stampAt(file: string): Promise<string> {
  const found = await stat(file).catch(() => null);
  return found === null ? 'gone' : `${found.size}:${found.mtimeMs}`;
}

async function stampsOf(files: readonly string[]): Promise<Map<string, string>> {
  // Packages do not change under a running installation; looking at each of their files at every look would be slow.
  const own = files.filter((file) => !file.includes('/node_modules/'));
  return new Map(await Promise.all(own.map(async (file) => [file, await stampAt(file)] as const)));
}

async function existing(folders: readonly string[]): Promise<string[]> {
  const real = await Promise.all(folders.map((folder) => realpath(folder).catch(() => null)));
  return [...new Set(real.filter((folder) => folder !== null))];
}

/** Where plugins of a dags folder are looked for: beside it, then in the folder of all (`core.plugins_folder`, else that of the home). */
export function pluginFoldersOf(dagsFolder: string, home: string | null, pluginsFolder = ''): string[] {
  return [...new Set([join(dagsFolder, '..', 'plugins'), ...(pluginsFolder !== '' ? [resolve(pluginsFolder)] : home === null ? [] : [join(home, 'plugins')])])];
}
