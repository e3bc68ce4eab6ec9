/**
 * PostgreSQL array literals for values that never need quoting (uuids, numbers). On the hot path this is several times
 * cheaper than the driver's general conversion. Texts go through the driver as ordinary arrays.
 */
export function plainArray(values: readonly (string | number | null)[]): string {
  let out = '{';
  for (let i = 0; i < values.length; i++) out += (i > 0 ? ',' : '') + (values[i] ?? 'NULL');
  return out + '}';
}

/** `{3,5}`: an index path. */
export function pathLiteral(path: readonly number[]): string {
  return `{${path.join(',')}}`;
}
