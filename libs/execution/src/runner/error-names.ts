/** A chain of classes or causes longer than this says nothing more. */
const NAMES_MAX = 20;

/**
 * What a retry policy may call an error: its name, the names of its classes from its own upwards, its `code`, the same of its causes;
 * each once. By name, because every bundle carries its own copy of a class.
 */
export function errorNamesOf(thrown: unknown): string[] {
  const names = new Set<string>();
  const add = (name: unknown): void => {
    if ((typeof name === 'string' || typeof name === 'number') && name !== '' && names.size < NAMES_MAX) names.add(String(name).slice(0, 250));
  };
  const seen = new Set<unknown>();
  for (let at: unknown = thrown; typeof at === 'object' && at !== null && !seen.has(at); at = (at as { cause?: unknown }).cause) {
    seen.add(at);
    add((at as { name?: unknown }).name);
    for (let made = Object.getPrototypeOf(at) as object | null; made !== null && made !== Object.prototype; made = Object.getPrototypeOf(made) as object | null) {
      add((made as { constructor?: { name?: unknown } }).constructor?.name);
    }
    add((at as { code?: unknown }).code);
  }
  return [...names];
}
