/** A source map whose names say nothing about the machine it was made on. */
export interface StableSourceMap {
  readonly version: 3;
  readonly sources: readonly string[];
  /** Null for packages, the SDK and data, whose text helps nobody here. */
  readonly sourcesContent: readonly (string | null)[];
  readonly names: readonly string[];
  readonly mappings: string;
}

/** @param nameOf gives a source's lasting name */
export function stableSourceMap(json: string, nameOf: (source: string) => string): StableSourceMap {
  const map = JSON.parse(json) as { sources: string[]; sourcesContent?: (string | null)[]; names?: string[]; mappings: string };
  const sources = map.sources.map(nameOf);
  return {
    version: 3,
    sources,
    sourcesContent: sources.map((source, index) => (!/\.[cm]?[jt]sx?$/.test(source) || source.startsWith('node_modules/') || source.startsWith('@millrace/') || source.startsWith('<') ? null : (map.sourcesContent?.[index] ?? null))),
    names: map.names ?? [],
    mappings: map.mappings,
  };
}

/** Begins the last line of a bundle. */
export const SOURCE_MAP_COMMENT = '//# sourceMappingURL=data:application/json;base64,';

export function inlineSourceMap(map: StableSourceMap): string {
  return `${SOURCE_MAP_COMMENT}${Buffer.from(JSON.stringify(map)).toString('base64')}\n`;
}
