import type { QueryResultRow } from 'pg';
import { MillraceError } from '@millrace/vocabulary';
import type { VisibleDags } from '../visibility/visible-dags.js';
import type { SqlRunner } from './sql-runner.js';

export interface PageRequest {
  readonly limit: number;
  readonly offset: number;
  /** Names of the subject's order table, `-` in front for descending. */
  readonly orderBy: readonly string[];
}

export interface Page<Row> {
  readonly rows: readonly Row[];
  /** All rows that match, not only this page's. */
  readonly total: number;
}

/** Bounds of a time or number; a missing bound does not bound. */
export interface Range<T> {
  readonly gte?: T | undefined;
  readonly gt?: T | undefined;
  readonly lte?: T | undefined;
  readonly lt?: T | undefined;
}

/** What callers may order by: API name → SQL expression. Nullable ones sort nulls last in both directions, as Airflow does. */
export type OrderTable = Readonly<Record<string, string | { readonly nullable: string }>>;

/** Conditions joined by `and`, with their values numbered. `?` in the text stands for the value. */
export class Filter {
  readonly values: unknown[] = [];
  readonly #conditions: string[] = [];

  and(condition: string, ...values: readonly unknown[]): this {
    let next = 0;
    this.#conditions.push(condition.replaceAll('?', () => this.value(values[next++])));
    return this;
  }

  /** Adds the condition only when there is a value. */
  when(value: unknown, condition: string): this {
    return value === undefined || value === null ? this : this.and(condition, value);
  }

  /** Adds the condition when the list is not empty; the value is the list. */
  whenAny(values: readonly unknown[] | undefined, condition: string): this {
    return values === undefined || values.length === 0 ? this : this.and(condition, values);
  }

  /** Only rows of dags that whoever asks may see. @param column an SQL expression for the dag's id */
  visible(column: string, visible: VisibleDags): this {
    const ids = visible();
    return ids === null ? this : this.and(`${column} = any(?::text[])`, ids);
  }

  range(expression: string, range: Range<unknown> | undefined): this {
    this.when(range?.gte, `${expression} >= ?`).when(range?.gt, `${expression} > ?`);
    return this.when(range?.lte, `${expression} <= ?`).when(range?.lt, `${expression} < ?`);
  }

  /** Airflow's search: part of the text, `%` and `_` as in LIKE, several alternatives with `|`; `~` and nothing match all. */
  pattern(expression: string, pattern: string | null | undefined): this {
    if (pattern === undefined || pattern === null || pattern === '' || pattern === '~') return this;
    const alternatives = pattern.split('|').map((part) => part.trim()).filter((part) => part !== '');
    return alternatives.length === 0 ? this : this.and(`${expression} ilike any (?::text[])`, alternatives.map((part) => `%${part}%`));
  }

  value(value: unknown): string {
    this.values.push(value);
    return `$${this.values.length}`;
  }

  get where(): string {
    return this.#conditions.length === 0 ? '' : `where ${this.#conditions.map((condition) => `(${condition})`).join(' and ')}`;
  }
}

/** One page and the number of all. `select` and `from` are constants of the reader; nothing of a caller's is ever pasted in. */
export async function readPage<Row extends QueryResultRow>(
  db: SqlRunner,
  query: { readonly select: string; readonly from: string; readonly filter: Filter; readonly order: OrderTable; readonly tieBreaker: string; readonly page: PageRequest; readonly countFrom?: string },
): Promise<Page<Row>> {
  const { filter, page } = query;
  const countValues = [...filter.values];
  const where = filter.where;
  const orderBy = orderClause(page.orderBy, query.order, query.tieBreaker);
  const limit = filter.value(page.limit);
  const offset = filter.value(page.offset);
  const rows = await db.query<Row>(`select ${query.select} from ${query.from} ${where} order by ${orderBy} limit ${limit} offset ${offset}`, filter.values);
  if (page.offset === 0 && rows.rows.length < page.limit) return { rows: rows.rows, total: rows.rows.length };
  const count = await db.query<{ total: number }>(`select count(*)::int as total from ${query.countFrom ?? query.from} ${where}`, countValues);
  return { rows: rows.rows, total: count.rows[0]!.total };
}

function orderClause(names: readonly string[], table: OrderTable, tieBreaker: string): string {
  const terms = names.map((name) => {
    const descending = name.startsWith('-');
    const key = descending ? name.slice(1) : name;
    const entry = Object.hasOwn(table, key) ? table[key] : undefined;
    if (entry === undefined) {
      throw new MillraceError('bad_request', `Ordering with '${key}' is disallowed or the attribute does not exist on the model. Possible: ${Object.keys(table).join(', ')}`);
    }
    const direction = descending ? 'desc' : 'asc';
    return typeof entry === 'string' ? `${entry} ${direction}` : `${entry.nullable} ${direction} nulls last`;
  });
  return [...terms, tieBreaker].join(', ');
}
