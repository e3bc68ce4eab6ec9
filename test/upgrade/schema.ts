import type pg from 'pg';

/** What services of a version lean on in its schema. */
export interface Schema {
  /** Table to column to what is known of it. */
  readonly tables: Readonly<Record<string, Readonly<Record<string, Column>>>>;
  /** `table: definition` of unique indexes, primary keys among them, without their names. */
  readonly unique: readonly string[];
  /** `table: definition` of checks and foreign keys. */
  readonly constraints: readonly string[];
  /** `name(arguments) result`. */
  readonly functions: readonly string[];
}

export interface Column {
  readonly type: string;
  /** It may be left out of an insert. */
  readonly optional: boolean;
  readonly nullable: boolean;
}

const PARTITIONS = `select inhrelid from pg_inherits`;

export async function readSchema(client: pg.Client): Promise<Schema> {
  const rows = async <Row extends object>(text: string): Promise<Row[]> => (await client.query<Row>(text)).rows;
  const columns = await rows<{ table: string; column: string; type: string; optional: boolean; nullable: boolean }>(`
    select c.relname as table, a.attname as column, format_type(a.atttypid, a.atttypmod) as type, not a.attnotnull or a.atthasdef or a.attidentity <> '' as optional, not a.attnotnull as nullable
    from pg_class c join pg_attribute a on a.attrelid = c.oid
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and a.attnum > 0 and not a.attisdropped and c.relname <> 'millrace_migration' and c.oid not in (${PARTITIONS}) order by 1, 2`);
  const tables: Record<string, Record<string, Column>> = {};
  for (const { table, column, ...facts } of columns) (tables[table] ??= {})[column] = facts;
  const unique = await rows<{ line: string }>(`
    select c.relname || ': ' || regexp_replace(pg_get_indexdef(i.indexrelid), '^.* USING ', '') as line from pg_index i join pg_class c on c.oid = i.indrelid
    where i.indisunique and c.relnamespace = 'public'::regnamespace and c.relname <> 'millrace_migration' and c.oid not in (${PARTITIONS}) order by 1`);
  const constraints = await rows<{ line: string }>(`
    select conrelid::regclass || ': ' || pg_get_constraintdef(oid) as line from pg_constraint where connamespace = 'public'::regnamespace and contype in ('c', 'f') and conrelid not in (${PARTITIONS}) order by 1`);
  const functions = await rows<{ line: string }>(`
    select proname || '(' || pg_get_function_identity_arguments(oid) || ') ' || pg_get_function_result(oid) as line from pg_proc where pronamespace = 'public'::regnamespace and prokind = 'f' order by 1`);
  return { tables, unique: unique.map(({ line }) => line), constraints: constraints.map(({ line }) => line), functions: functions.map(({ line }) => line) };
}

/**
 * What services that were written for `before` could trip over in `after`: one sentence each. Whatever was added may be there as long as an old insert, which does
 * not name it, is taken. Rules that an old row might break (unique, check, foreign key) are told unless they are among `known`, which says why each is none.
 */
export function breachesOf(before: Schema, after: Schema, known: Readonly<Record<string, string>> = {}): string[] {
  const breaches: string[] = [];
  for (const [table, columns] of Object.entries(before.tables)) {
    const now = after.tables[table];
    if (now === undefined) {
      breaches.push(`table ${table} is gone`);
      continue;
    }
    for (const [name, was] of Object.entries(columns)) {
      const is = now[name];
      if (is === undefined) breaches.push(`column ${table}.${name} is gone`);
      else if (is.type !== was.type) breaches.push(`column ${table}.${name} was ${was.type} and is ${is.type}`);
      else if (was.optional && !is.optional) breaches.push(`column ${table}.${name} could be left out and cannot any more`);
      else if (was.nullable && !is.nullable) breaches.push(`column ${table}.${name} took null and does not any more`);
    }
    for (const [name, is] of Object.entries(now)) if (columns[name] === undefined && !is.optional) breaches.push(`new column ${table}.${name} has no default: the previous version does not fill it`);
  }
  for (const [what, was, is] of [['unique rule', before.unique, after.unique], ['rule', before.constraints, after.constraints]] as const) {
    for (const line of is) if (before.tables[line.split(':')[0]!] !== undefined && !was.includes(line) && known[line] === undefined) breaches.push(`new ${what} on ${line}`);
  }
  for (const line of before.functions) if (!after.functions.includes(line)) breaches.push(`function ${line} is gone, or is another`);
  return breaches;
}
