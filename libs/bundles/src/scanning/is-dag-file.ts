const EXTENSIONS = ['.ts', '.mts', '.js', '.mjs'];

/** Whether a name can be a dag file: source code, no declaration, no test, not `_`-prefixed (a module for others) or hidden. */
export function hasDagFileName(name: string): boolean {
  if (isDataFile(name)) return !/^[._]/.test(name);
  return !/^[._]/.test(name) && EXTENSIONS.some((end) => name.endsWith(end)) && !/\.(d\.m?ts|(spec|test|bench)\.m?[jt]s)$/.test(name);
}

/** A dag written as YAML or JSON: its name alone says so, since other YAML files lie in such folders too. */
export function isDataFile(path: string): boolean {
  return /\.dag\.(ya?ml|json)$/.test(path);
}

/** Folders never looked into. */
export function isSkippedFolder(name: string): boolean {
  return name.startsWith('.') || name.startsWith('_') || name === 'node_modules';
}

/**
 * Whether the text is meant to define dags: it imports `dag`, `Dag` or everything from `@millrace/sdk`, or says the bare
 * `import '@millrace/sdk'` (for a file that gets its dags from a factory). A module that only imports `Operator` or types is a helper.
 */
export function definesDags(source: string): boolean {
  for (const [, clause] of source.matchAll(/\bimport\b(?!\s+type\b)([^'";]*)['"]@millrace\/sdk['"]/g)) {
    const names = (clause ?? '').replace(/\bfrom\s*$/, '').trim();
    if (names === '' || names.includes('*') || /\b(?<!type\s+)[dD]ag\b/.test(names)) return true;
  }
  return false;
}
