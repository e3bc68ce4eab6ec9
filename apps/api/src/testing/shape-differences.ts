/** Keys of Airflow's API after 3.2.1, the version the shapes are of; newer clients ask for them, older ones ignore them. */
const AFTER_3_2: ReadonlySet<string> = new Set(['timetable_periodic', 'is_backfillable']);

/**
 * Where `actual` differs in keys or JSON types from a shape: type names for values, one element for a list. Null fits anything on
 * both sides, because what is null once may be filled another time.
 */
export function shapeDifferences(actual: unknown, shape: unknown, path = '$'): readonly string[] {
  if (actual === undefined) return [`${path} is missing`];
  if (actual === null || shape === 'null') return [];
  if (Array.isArray(shape)) {
    if (!Array.isArray(actual)) return [`${path} should be a list`];
    return shape.length === 0 || actual.length === 0 ? [] : shapeDifferences(actual[0], shape[0], `${path}[0]`);
  }
  if (typeof shape === 'object' && shape !== null) {
    if (typeof actual !== 'object' || Array.isArray(actual)) return [`${path} should be an object`];
    const [mine, theirs] = [actual as Record<string, unknown>, shape as Record<string, unknown>];
    return [
      ...Object.keys(mine).filter((key) => !Object.hasOwn(theirs, key) && !AFTER_3_2.has(key)).map((key) => `${path}.${key} is unknown to Airflow`),
      ...Object.keys(theirs).flatMap((key) => (Object.hasOwn(mine, key) ? shapeDifferences(mine[key], theirs[key], `${path}.${key}`) : [`${path}.${key} is missing`])),
    ];
  }
  return typeof actual === shape ? [] : [`${path} should be a ${String(shape)}, is a ${typeof actual}`];
}
