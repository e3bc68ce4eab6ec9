/** A file to bundle, and what it may import. */
export interface BundleRequest {
  /** The dags folder, absolute, links resolved. */
  readonly root: string;
  /** The dag file relative to it, with `/`. */
  readonly path: string;
  /** Absolute folders with the plugins that dag files import by `plugins/<name>` or by bare name. */
  readonly pluginFolders: readonly string[];
  /** Of a file that is no code: the code that stands for it. Imports in it are as if written in the dags folder itself. */
  readonly code?: string;
  /** Plugins whose listeners, links and macros become part of the dags. */
  readonly attached?: readonly AttachedPlugin[];
  /** It is not a dag file but a module of a plugins folder, or of a package. */
  readonly plugin?: {
    /** The folder's name in messages, e.g. `plugins`. */
    readonly folderName: string;
    /** What it is called unless it says so itself. */
    readonly fallbackName: string;
  };
}

export interface AttachedPlugin {
  readonly name: string;
  /** Absolute. */
  readonly file: string;
  /** false: only to files whose templates speak of its macros. */
  readonly isForAll: boolean;
}
