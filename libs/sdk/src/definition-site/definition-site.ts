/** Where in the author's code something was defined. V8 keeps raw frames and formats them only when asked, so that 10,000 tasks stay cheap. */
export interface DefinitionSite {
  readonly stack?: string;
}

/**
 * Remembers the caller of `above` (a function or the constructor being run).
 * Inside a bundle the position is the bundle's; the dag-processor translates it by the source map.
 */
export function definitionSite(above: (...args: never[]) => unknown): DefinitionSite {
  if (told !== null) return { stack: `Error\n    at ${told}` };
  const site: { stack?: string } = {};
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 1;
  Error.captureStackTrace(site, above);
  Error.stackTraceLimit = limit;
  return site;
}

/** Set while something is built that is written elsewhere than in code. */
let told: string | null = null;

/** @internal What is made while `make` runs is written at `place`, `file:line:column`. */
export function definedIn<T>(place: string, make: () => T): T {
  const outer = told;
  told = place;
  try {
    return make();
  } finally {
    told = outer;
  }
}

/** `file:line:column` of a site, or null when the engine gave no frame. */
export function siteText(site: DefinitionSite): string | null {
  const frame = /^\s+at (?:.*\()?(?:file:\/\/)?(.+?:\d+:\d+)\)?$/m.exec(site.stack ?? '');
  return frame?.[1] ?? null;
}
