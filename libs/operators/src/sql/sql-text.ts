/** A piece of SQL text: `code` may hold `;` and `:name`, `quoted` is a literal, a quoted name or a comment. */
interface Piece {
  readonly kind: 'code' | 'quoted';
  readonly text: string;
}

export type SqlDialect = 'postgres' | 'mysql';

/** Statements of a script, without those that hold nothing but comments. A `;` in a literal, a comment or a dollar quote ends none. */
export function splitStatements(script: string, dialect: SqlDialect): string[] {
  const statements: string[] = [];
  let statement = '';
  let isWorth = false;
  const end = (): void => {
    if (isWorth) statements.push(statement.trim());
    statement = '';
    isWorth = false;
  };
  for (const { kind, text } of piecesOf(script, dialect)) {
    if (kind === 'quoted') {
      statement += text;
      isWorth ||= !isComment(text, dialect);
      continue;
    }
    const parts = text.split(';');
    for (const [index, part] of parts.entries()) {
      if (index > 0) end();
      statement += part;
      isWorth ||= part.trim() !== '';
    }
  }
  end();
  return statements;
}

/**
 * `:name` as the driver's own marks. `::type` and what stands in quotes is left alone.
 * @throws RangeError naming a parameter that was not given
 */
export function bindNames(statement: string, values: Readonly<Record<string, unknown>>, dialect: SqlDialect): { readonly text: string; readonly values: readonly unknown[] } {
  const bound: unknown[] = [];
  const places = new Map<string, string>();
  let result = '';
  for (const { kind, text } of piecesOf(statement, dialect)) {
    result += kind === 'quoted' ? text : text.replaceAll(/(?<![:\w]):([A-Za-z_]\w*)/g, (_, name: string) => {
      if (!Object.hasOwn(values, name)) throw new RangeError(`the statement names the parameter :${name}, which is not among those given (${Object.keys(values).join(', ') || 'none'})`);
      const known = dialect === 'postgres' ? places.get(name) : undefined;
      if (known !== undefined) return known;
      bound.push(values[name]);
      const place = dialect === 'postgres' ? `$${bound.length}` : '?';
      places.set(name, place);
      return place;
    });
  }
  return { text: result, values: bound };
}

function isComment(text: string, dialect: SqlDialect): boolean {
  // `/*! … */` is code to MySQL.
  return text.startsWith('--') || (text.startsWith('/*') && !(dialect === 'mysql' && text.startsWith('/*!'))) || (dialect === 'mysql' && text.startsWith('#'));
}

function* piecesOf(sql: string, dialect: SqlDialect): Generator<Piece> {
  let from = 0;
  let at = 0;
  while (at < sql.length) {
    const end = quotedEnd(sql, at, dialect);
    if (end === at) {
      at++;
      continue;
    }
    if (at > from) yield { kind: 'code', text: sql.slice(from, at) };
    yield { kind: 'quoted', text: sql.slice(at, end) };
    from = at = end;
  }
  if (from < sql.length) yield { kind: 'code', text: sql.slice(from) };
}

/** Where what begins here ends; the place itself when nothing quoted begins here. */
function quotedEnd(sql: string, at: number, dialect: SqlDialect): number {
  const char = sql[at] as string;
  const two = sql.slice(at, at + 2);
  // MySQL takes `5--3` as a calculation.
  if ((two === '--' && (dialect === 'postgres' || /^\s?$/.test(sql[at + 2] ?? ''))) || (dialect === 'mysql' && char === '#')) return lineEnd(sql, at);
  if (two === '/*') return commentEnd(sql, at, dialect);
  if (char === "'" || char === '"' || (char === '`' && dialect === 'mysql')) {
    const escapes = char !== '`' && (dialect === 'mysql' || (char === "'" && /(?<![A-Za-z0-9_])[eE]$/.test(sql.slice(Math.max(0, at - 2), at))));
    return literalEnd(sql, at, char, escapes);
  }
  if (char === '$' && dialect === 'postgres' && !/[\w$]/.test(sql[at - 1] ?? '')) {
    const tag = /^\$(?:[A-Za-z_]\w*)?\$/.exec(sql.slice(at, at + 70))?.[0];
    if (tag === undefined) return at;
    const end = sql.indexOf(tag, at + tag.length);
    return end < 0 ? sql.length : end + tag.length;
  }
  return at;
}

function lineEnd(sql: string, at: number): number {
  const end = sql.indexOf('\n', at);
  return end < 0 ? sql.length : end;
}

/** PostgreSQL's comments nest. */
function commentEnd(sql: string, at: number, dialect: SqlDialect): number {
  let depth = 1;
  let i = at + 2;
  while (i < sql.length && depth > 0) {
    const two = sql.slice(i, i + 2);
    if (two === '*/') depth--;
    else if (two === '/*' && dialect === 'postgres') depth++;
    i += two === '*/' || (two === '/*' && dialect === 'postgres') ? 2 : 1;
  }
  return i;
}

function literalEnd(sql: string, at: number, quote: string, escapes: boolean): number {
  for (let i = at + 1; i < sql.length; i++) {
    if (escapes && sql[i] === '\\') i++;
    else if (sql[i] === quote) {
      if (sql[i + 1] !== quote) return i + 1;
      i++; // A doubled quote is one in the literal.
    }
  }
  return sql.length;
}
