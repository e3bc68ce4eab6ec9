import { SourceMap } from 'node:module';
import type { StableSourceMap } from '../bundling/stable-source-map.js';

export interface SourcePosition {
  /** As in the source map: relative to the dags folder, `plugins/…`, `node_modules/…` or `@millrace/…`. */
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** Where positions of a bundle are in what its author wrote. */
export class SourcePositions {
  private readonly map: SourceMap;
  private readonly contents: ReadonlyMap<string, string | null>;

  constructor(map: StableSourceMap) {
    this.map = new SourceMap(map as unknown as ConstructorParameters<typeof SourceMap>[0]);
    this.contents = new Map(map.sources.map((source, index) => [source, map.sourcesContent[index] ?? null]));
  }

  /** @param line from 1  @param column from 1 */
  find(line: number, column: number): SourcePosition | null {
    const entry = this.map.findEntry(line - 1, column - 1);
    if (!('originalSource' in entry) || typeof entry.originalSource !== 'string') return null;
    return { file: entry.originalSource, line: entry.originalLine + 1, column: entry.originalColumn + 1 };
  }

  /** Replaces every `…bundle.mjs:line:column` of a text by its source. @param bundleFile the name as the evaluation saw it */
  translate(text: string, bundleFile: string): string {
    const pattern = new RegExp(`(?:file://)?(?:[^\\s()"':]*/)?${bundleFile.replaceAll('.', '\\.')}:(\\d+):(\\d+)`, 'g');
    return text.replaceAll(pattern, (whole, line: string, column: string) => {
      const found = this.find(Number(line), Number(column));
      return found === null ? whole : `${found.file}:${found.line}:${found.column}`;
    });
  }

  sourceOf(file: string): string | null {
    return this.contents.get(file) ?? null;
  }
}

/** Written by the author of the dag or a plugin, not by the SDK or a package. */
export function isAuthorsFile(file: string): boolean {
  return !file.startsWith('@millrace/') && !file.startsWith('node_modules/') && !file.startsWith('<') && !file.startsWith('node:') && !file.startsWith('/') && !/^[A-Za-z]:/.test(file);
}
