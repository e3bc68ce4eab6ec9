/** {@link mapIndexOf} in SQL: one number for an index path, -1 for the empty one. */
export function mapIndexSql(column: string): string {
  return `case cardinality(${column}) when 0 then -1 when 1 then ${column}[1]
    when 2 then (${column}[1] + 1) * 1000000::int8 + ${column}[2]
    else ((${column}[1] + 1) * 1000000::int8 + ${column}[2] + 1) * 1000000::int8 + ${column}[3] end`;
}
