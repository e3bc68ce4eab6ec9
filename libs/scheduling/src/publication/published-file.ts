import type { NextRun } from '@millrace/engine';

/** What a dag-processor hands over for one dag file. */
export interface PublishedFile {
  /** Name of the dags folder, e.g. `dags`. */
  readonly bundleName: string;
  /** Relative to the folder, with `/`. */
  readonly relativeFileloc: string;
  readonly fileloc: string;
  /** sha-256 hex of `bundle`; empty for documents without code. */
  readonly bundleHash: string;
  readonly bundle: Uint8Array;
  readonly source: string;
  /** JSON texts of dag documents. */
  readonly dagDocuments: readonly string[];
  /** Set when the file could not be imported; nothing else counts then. */
  readonly importError: { readonly stackTrace: string; readonly filename: string; readonly line: number } | null;
  readonly parseDurationMs: number;
  /** The first runs of each dag whose timetable is written in dag code; times in ms, ascending by logical date. */
  readonly timetables?: readonly PublishedTimetable[];
  /** Which state of its source the file is of, e.g. a commit; empty: nothing is known. */
  readonly bundleVersion?: string;
}

export interface PublishResult {
  readonly dags: readonly { readonly dagId: string; readonly versionNumber: number; readonly changed: boolean }[];
  /** Not empty: nothing was published, and why; stored as the file's import error. */
  readonly refused: string;
}

export interface PublishedTimetable {
  readonly dagId: string;
  readonly runs: readonly NextRun[];
  /** There are none after these. */
  readonly isComplete: boolean;
}

/** What came of files that were published together. */
export interface PublishedTogether {
  /** Not empty: nothing was published. */
  readonly problems: readonly { readonly where: string | null; readonly message: string; readonly file: string }[];
  readonly changed: readonly { readonly dagId: string; readonly versionNumber: number; readonly isNew: boolean }[];
  readonly retired: readonly string[];
}
